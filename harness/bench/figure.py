# SPDX-License-Identifier: GPL-2.0-or-later
"""A promised figure and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `ratio` is value by baseline where there is a baseline; `goal` bounds the ratio, else the value.

    Without a goal it is told for its own sake.
    """

    name: str
    value: float
    unit: str
    baseline: str
    ratio: float | None
    goal: float | None
    at: Literal["most", "least"] = "most"

    @property
    def met(self) -> bool:
        """Whether the goal, if there is one, is reached."""
        if self.goal is None:
            return True
        judged = self.value if self.ratio is None else self.ratio
        return judged <= self.goal if self.at == "most" else judged >= self.goal

    def judged(self) -> tuple[str, str]:
        """Ratio and goal as text."""
        return ("" if self.ratio is None else f"{self.ratio:.2f}"), (
            "" if self.goal is None else f"at {self.at} {self.goal:g}"
        )

    def as_json(self) -> dict[str, object]:
        """The shape that `hil bench --json` promises."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": self.goal,
            "met": self.met,
        }

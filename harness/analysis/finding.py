# SPDX-License-Identifier: GPL-2.0-or-later
"""What an analysis has found, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FindingKind = Literal["residue", "second fetch", "response read", "uninitialised memory", "not constant time"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach of `clause`. `what` is one line; `request` says in a few words which request showed it first."""

    clause: str
    kind: FindingKind
    what: str
    request: str

    def __str__(self) -> str:
        return f"{self.what} (in {self.request})"

    def as_json(self) -> dict[str, str]:
        """The shape that `hil analyze --json` promises."""
        return {"clause": self.clause, "kind": self.kind, "what": self.what, "request": self.request}

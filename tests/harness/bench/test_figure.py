# SPDX-License-Identifier: GPL-2.0-or-later
"""How figures are judged."""

import pytest

from harness.bench.figure import Figure


@pytest.mark.parametrize(
    ("value", "ratio", "goal", "at", "met"),
    [
        (10, None, 10, "most", True),
        (11, None, 10, "most", False),
        (99, 3.9, 4, "most", True),
        (1, 4.1, 4, "most", False),
        (1, 4.0, 4, "least", True),
        (99, 3.9, 4, "least", False),
    ],
)
def test_a_figure_is_judged_by_its_ratio_where_it_has_one(
    value: float, ratio: float | None, goal: float, at: str, met: bool
) -> None:
    figure = Figure("name", value, "us", "baseline", ratio, goal, at)  # type: ignore[arg-type]
    assert figure.met is met
    assert figure.as_json()["met"] is met
    assert set(figure.as_json()) == {"name", "value", "unit", "baseline", "ratio", "goal", "met"}


def test_without_a_goal_it_is_only_told() -> None:
    figure = Figure("name", 1, "us", "baseline", 2.5, None)
    assert figure.met
    assert figure.judged() == ("2.50", "")
    assert figure.as_json()["goal"] is None

# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact figures hold; how the timed ones are judged. No test here depends on the speed of the machine."""

from pathlib import Path

import pytest

from harness.bench import Figure, aes_instructions, task_switch


def test_aes_meets_its_instruction_counts(firmware: Path) -> None:
    figures = aes_instructions(firmware, "an386")
    assert [figure.name for figure in figures if not figure.met] == []


def test_counts_are_repeatable(firmware: Path) -> None:
    assert aes_instructions(firmware, "an386") == aes_instructions(firmware, "an386")


def test_a_task_switch_is_judged_by_an_empty_run() -> None:
    figure = task_switch("an386")
    assert (figure.goal, figure.at, figure.unit) == (3, "most", "us")
    assert figure.ratio is not None
    assert figure.value > 0 < figure.ratio


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

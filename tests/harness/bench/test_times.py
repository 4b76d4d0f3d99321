# SPDX-License-Identifier: GPL-2.0-or-later
"""The timed figures can be measured, and are ratios to something measured in the same run; no value is asserted."""

from pathlib import Path

import pytest

from harness.bench import times


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round each: this is no measurement."""
    monkeypatch.setattr(times, "ROUNDS", 1)


def test_exchanges_are_held_against_an_empty_run(firmware: Path) -> None:
    figures = times.exchange_times(firmware, "an386")
    assert [figure.unit for figure in figures] == ["us", "us"]
    assert all(figure.ratio is not None and figure.ratio > 0 for figure in figures)


def test_guest_speed_is_held_against_a_plain_engine(firmware: Path) -> None:
    figure = times.guest_speed(firmware, "an386")
    assert figure.at == "least"
    assert figure.ratio is not None
    assert figure.ratio > 0


def test_a_task_switch_is_held_against_an_empty_run() -> None:
    figure = times.task_switch("an386")
    assert (figure.goal, figure.at, figure.unit) == (3, "most", "us")
    assert figure.ratio is not None
    assert figure.value > 0 < figure.ratio

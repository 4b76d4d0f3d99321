# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures can be measured and are what their names say; rates and times are not asserted, counts are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.bench import fuzzing
from harness.bench.fuzzing_baselines import AES_64
from harness.fuzz.oracles import ORACLES
from harness.protocol import codec
from harness.targets.base import TargetError

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """As short as can be: this is no measurement."""
    for name, value in (("SECONDS", 1), ("WARM_UP", 0), ("ROUNDS", 1), ("REPEAT", 2), ("HOOK_REPEAT", 1)):
        monkeypatch.setattr(fuzzing, name, value)
    monkeypatch.setattr(fuzzing, "COST_SEEDS", 1)


def test_each_engine_has_a_rate_on_one_core_and_on_two(firmware: Path) -> None:
    subprocess.run(["make", "-s", "-C", PROJECT / "firmware", "native", "HOST_COVERAGE=1"], check=True)
    figures = fuzzing.engine_figures(firmware, "an386")
    assert all(figure.value > 0 for figure in figures)
    goals = [(figure.goal, figure.ratio is None) for figure in figures if "two" not in figure.name]
    assert goals == [(120_000, True), (60_000, True), (5000, True), (None, False)]
    two = [(figure.goal, figure.at, figure.ratio is None) for figure in figures if "two" in figure.name]
    assert two == ([(1.7, "least", False)] * 2 if len(os.sched_getaffinity(0)) > 1 else [])


def test_the_executor_is_held_against_the_guest_and_against_a_hook_in_python(firmware: Path) -> None:
    figures = fuzzing.executor_figures(firmware, "an386")
    assert [(figure.goal, figure.at) for figure in figures[:3]] == [(1.3, "most"), (20, "least"), (20, "least")]
    assert [figure.goal for figure in figures[3:]] == [None, None]
    assert all(figure.ratio is not None and figure.ratio > 0 for figure in figures)


def test_a_request_that_is_refused_is_no_measure_of_the_guest(firmware: Path) -> None:
    alone = fuzzing.GuestAlone(firmware, "an386", codec.encode_request(0x7F))
    try:
        with pytest.raises(TargetError, match="INVALID_TYPE"):
            alone.seconds(1)
    finally:
        alone.close()


def test_the_guest_does_the_same_alone_as_in_the_executor(firmware: Path) -> None:
    alone = fuzzing.GuestAlone(firmware, "an386", AES_64[0])
    try:
        assert alone.seconds(150) > 0  # more than the rate limiter lets through without a clock
    finally:
        alone.close()


def test_every_oracle_is_held_against_none(firmware: Path) -> None:
    figures = fuzzing.oracle_figures(firmware, "an386")
    assert [figure.name.split()[-1] for figure in figures] == list(ORACLES)
    assert figures[0].ratio == 1
    assert all(figure.goal is None and figure.met for figure in figures)


def test_the_sanitized_build_costs_what_is_promised(firmware: Path) -> None:
    figure = fuzzing.sanitized_cost(firmware, "an386")
    assert figure.ratio is not None
    assert 1 < figure.ratio <= 6

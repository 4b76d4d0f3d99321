# SPDX-License-Identifier: GPL-2.0-or-later
"""The round trip can be measured, and is a ratio to a ping-pong of the same run; no value is asserted."""

import os
from pathlib import Path

import pytest

from harness.bench import device


def test_the_round_trip_is_held_against_a_ping_pong(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "ROUNDS", 1)
    monkeypatch.setattr(device, "TRIPS", 50)
    usual = os.sched_getaffinity(0)
    figures = device.device_round_trip(firmware, "an386")
    assert os.sched_getaffinity(0) == usual
    assert len(figures) == 2 * min(len(usual), 2)
    for absolute, relative in zip(figures[::2], figures[1::2], strict=True):
        assert (absolute.goal, absolute.ratio, absolute.unit) == (100, None, "us")
        assert (relative.goal, relative.at) == (6, "most")
        assert relative.ratio is not None
        assert relative.ratio > 0

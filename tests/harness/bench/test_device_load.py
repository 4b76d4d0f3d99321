# SPDX-License-Identifier: GPL-2.0-or-later
"""The load can be held, and what has grown is named; no rate is asserted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.bench import device_load
from harness.bench.device_load import Load, Usage, hold
from harness.serve.background import background_server
from harness.targets.base import TargetError

USAGE = Usage(processes=3, memory_kib=150_000, descriptors=18, objects=2)
SOUND = Load(10.0, 1000, 5, USAGE, USAGE, Usage(1, 50_000, 6, 0))


def test_clients_are_served_beside_one_that_misbehaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_load, "WARM_UP_S", 0)
    load = hold(1, 1)
    assert load.executions > 0
    assert load.misbehaved >= len(device_load.MISDEEDS)
    assert (load.before.processes, load.after.processes, load.left.processes) == (2, 2, 1)
    assert load.after.descriptors == load.before.descriptors


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, ()),
        ({"after": replace(USAGE, descriptors=19)}, ("descriptors: 18",)),
        ({"after": replace(USAGE, processes=4)}, ("processes: 3",)),
        ({"after": replace(USAGE, objects=3)}, ("objects: 2",)),
        ({"after": replace(USAGE, memory_kib=152_999)}, ()),
        ({"after": replace(USAGE, memory_kib=153_001)}, ("memory: 150000",)),
        ({"left": replace(USAGE, processes=2)}, ("1 devices outlive",)),
    ],
)
def test_what_has_grown_is_a_leak(change: dict[str, Usage], names: tuple[str, ...]) -> None:
    leaks = replace(SOUND, **change).leaks
    assert len(leaks) == len(names)
    assert all(leak.startswith(name) for leak, name in zip(leaks, names, strict=True))


def test_a_client_that_is_not_served_well_ends_the_run(tmp_path: Path) -> None:
    """The rate limiter's clock is real here, so that refusals come that nobody expects."""
    with background_server("--clock", "real") as server, pytest.raises(TargetError, match="got RATE_LIMITED"):
        device_load.keep_busy(server.path, tmp_path / "enough", 0)

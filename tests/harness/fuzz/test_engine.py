# SPDX-License-Identifier: GPL-2.0-or-later
"""The native engine module runs the executor by pointers, counts for others to see, and reports what is new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.fuzz import script
from harness.fuzz.engine import Engine, Stats, StatsFile, lib, reached_text
from harness.fuzz.executor import Executor, Verdict
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget

TYPE = 0x7F
UNKNOWN_TYPE = script.encode([script.send(TYPE)])


@pytest.fixture
def executor(firmware: Path) -> Iterator[Executor]:
    made = Executor(EmulatedTarget(firmware))
    yield made
    made.close()


@pytest.fixture
def stats(tmp_path: Path) -> StatsFile:
    return StatsFile(tmp_path / "stats", create=True)


def test_executes_a_script_on_the_executor(executor: Executor, stats: StatsFile) -> None:
    assert Engine(executor, stats).execute(UNKNOWN_TYPE) is Verdict.PASS
    assert [exchange.status for exchange in executor.exchanges] == [Status.INVALID_TYPE]
    assert any(executor.counters)


def test_counts_in_a_file_that_another_process_can_read(executor: Executor, stats: StatsFile, tmp_path: Path) -> None:
    engine = Engine(executor, stats)
    watched = StatsFile(tmp_path / "stats")
    assert watched.read() == Stats()
    engine.execute(UNKNOWN_TYPE)
    engine.execute(UNKNOWN_TYPE)
    seen = watched.read()
    assert (seen.executions, seen.findings, seen.last_new_edge) == (2, 0, 1)
    assert seen.edges == executor.edges > 0
    assert seen.of(TYPE, Status.INVALID_TYPE) == 2
    assert reached_text(seen) == {"other": {Status.INVALID_TYPE.name: 2}}
    watched.close()


def test_reports_a_finding_so_often_and_then_only_counts_it(executor: Executor, stats: StatsFile) -> None:
    reported: list[tuple[Verdict, bytes]] = []
    executor.judge(lambda: Verdict.MISMATCH)
    engine = Engine(executor, stats, lambda verdict, data: reported.append((verdict, data)))
    for _ in range(lib.ENGINE_REPORTS + 2):
        assert engine.execute(UNKNOWN_TYPE) is Verdict.MISMATCH
    assert reported == [(Verdict.MISMATCH, UNKNOWN_TYPE)] * lib.ENGINE_REPORTS
    assert stats.read().findings == lib.ENGINE_REPORTS + 2

# SPDX-License-Identifier: GPL-2.0-or-later
"""The native engine module runs the executor by pointers, and reports what is new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.fuzz import script
from harness.fuzz.engine import attach
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.native._engine import ffi, lib
from harness.targets.emulated import EmulatedTarget

UNKNOWN_TYPE = script.encode([script.send(0)])


@pytest.fixture
def executor(firmware: Path) -> Iterator[Executor]:
    made = Executor(EmulatedTarget(firmware))
    yield made
    made.close()


def test_executes_a_script_on_the_executor(executor: Executor) -> None:
    kept = attach(executor)
    before = executor.edges
    assert lib.engine_execute(UNKNOWN_TYPE, len(UNKNOWN_TYPE)) == Verdict.PASS
    assert (lib.engine_executions(), lib.engine_findings()) == (1, 0)
    assert len(executor.exchanges) == 1
    assert executor.edges > before
    assert any(kept.engine.counters[i] for i in range(kept.engine.counter_count))


def test_reports_a_finding_so_often_and_then_only_counts_it(executor: Executor) -> None:
    reported: list[tuple[Verdict, bytes]] = []
    executor.judge(lambda: Verdict.MISMATCH)
    kept = attach(executor, lambda verdict, data: reported.append((verdict, data)))
    for _ in range(lib.ENGINE_REPORTS + 2):
        assert lib.engine_execute(UNKNOWN_TYPE, len(UNKNOWN_TYPE)) == Verdict.MISMATCH
    assert reported == [(Verdict.MISMATCH, UNKNOWN_TYPE)] * lib.ENGINE_REPORTS
    assert lib.engine_findings() == lib.ENGINE_REPORTS + 2
    assert kept.executor is executor


def test_gives_the_compares_of_the_last_script_and_switches_the_map(executor: Executor) -> None:
    engine = attach(executor).engine
    own = ffi.new("uint8_t[]", engine.counter_count)
    assert engine.feedback(engine.core, own)
    lib.engine_execute(UNKNOWN_TYPE, len(UNKNOWN_TYPE))
    out = ffi.new("struct engine_compare **")
    count = engine.compares(engine.core, out)
    assert [(out[0][i].pc, out[0][i].left, out[0][i].right) for i in range(count)] == [
        (c.pc, c.left, c.right) for c in executor.compares
    ]
    assert count > 0
    assert any(own)
    assert engine.feedback(engine.core, engine.counters)


@pytest.mark.parametrize("raw", [False, True])
def test_says_whether_inputs_have_a_structure(firmware: Path, raw: bool) -> None:
    executor = Executor(EmulatedTarget(firmware), raw=raw)
    assert attach(executor).engine.raw == raw
    executor.close()

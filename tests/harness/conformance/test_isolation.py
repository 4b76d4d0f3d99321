# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of isolation against benches whose tables are wrong: each wrong grant has to be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator import cpu
from emulator.board import AN386, BOARDS, Board, Region, TaskMap
from emulator.cpu import Cpu, lib
from emulator.l4.system import System
from emulator.l4.task import Task
from emulator.stop import Stop
from harness.conformance import isolation
from harness.conformance.isolation import attempts
from harness.conformance.isolation_tables import GATEWAY, SERVICE, tables
from harness.conformance.runner import ConformanceOptions, run_conformance
from harness.report.results import ConformanceRun
from harness.targets import emulated
from harness.targets.model import ModelTarget
from harness.targets.tasks import Attack

CLAUSES = ("ISO-1", "ISO-2", "ISO-3")


def judge(firmware: Path) -> ConformanceRun:
    return run_conformance(ConformanceOptions(firmware=firmware, clauses=CLAUSES))


def failed(run: ConformanceRun) -> str:
    """The names of the failed cases."""
    return "\n".join(case.name for case in run.cases if case.outcome == "failed")


def test_the_bench_as_it_is_passes(firmware: Path) -> None:
    run = judge(firmware)
    assert [(clause.id, clause.outcome) for clause in run.clauses] == [(clause, "passed") for clause in CLAUSES]
    assert run.exchanges > 500


def test_a_target_without_tasks_is_skipped_with_the_reason() -> None:
    run = run_conformance(ConformanceOptions(target="model", clauses=CLAUSES))
    assert {clause.outcome for clause in run.clauses} == {"skipped"}
    assert {case.detail for case in run.cases} == {"target model lacks the capability tasks"}
    with pytest.raises(pytest.skip.Exception, match="lacks the capability tasks"):
        isolation.judged(ModelTarget())


def test_images_that_are_not_built_are_skipped_with_the_reason(
    firmware: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(isolation, "default_hostile", lambda task, board: tmp_path / f"hostile_{task}.elf")
    run = judge(firmware)
    reasons = {case.detail for case in run.cases if case.outcome == "skipped"}
    assert reasons == {f"hostile_{task}.elf is not built: run `make firmware`" for task in (SERVICE, GATEWAY)}


# ---- wrong rows of the board ----


def region(name: str, **changes: object) -> Callable[[], Board]:
    """The board with one of its own regions changed."""
    return lambda: replace(AN386, **{name: replace(getattr(AN386, name), **changes)})


def own(task: str, name: str, base: int, size: int) -> Callable[[], Board]:
    """The board with one region of a task moved or grown."""

    def changed() -> Board:
        layout = getattr(AN386, task)
        return replace(AN386, **{task: replace(layout, **{name: replace(getattr(layout, name), base=base, size=size)})})

    return changed


ROWS: dict[str, tuple[Callable[[], Board], str]] = {
    "the service's stack has no guard below": (own("service", "stack", 0x2000_0000, 0x5000), "guard below the stack"),
    "the gateway's stack has no guard below": (own("gateway", "stack", 0x2020_0000, 0x5000), "guard below the stack"),
    "the kernel page is writable": (region("kernel_page", access="rw"), "write kernel page"),
    "key storage is writable to the service": (region("key_storage", access="rw"), "write key storage"),
    "the window is a page too long": (region("window", size=0x2_4000), "read above the window"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_wrong_row_is_found(firmware: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    change, expected = ROWS[name]
    wrong = change()
    monkeypatch.setattr(emulated, "find_board", lambda _name, _firmware: wrong)
    found = failed(judge(firmware))
    assert "test_a_task_is_granted_what_the_contract_names" in found
    assert expected in found, found


# ---- wrong grants ----


def shared_too(task: str, *more: Region) -> Callable[[Board, TaskMap], tuple[Region, ...]]:
    """Board.shared with more for one task."""
    right = Board.shared
    return lambda board, layout: (*right(board, layout), *(more if layout.name == task else ()))


WRONG = {
    "key storage to the gateway": (GATEWAY, AN386.key_storage, Attack.READ),
    "the entropy page to the gateway": (GATEWAY, AN386.entropy_page, Attack.WRITE),
    "the service's stack to the gateway": (GATEWAY, AN386.stack, Attack.WRITE),
    "the service's filters to the gateway": (GATEWAY, AN386.filters, Attack.READ),
    "the service's text to the gateway": (GATEWAY, AN386.code, Attack.EXECUTE),
    "the host port to the service": (SERVICE, AN386.host_port, Attack.READ),
    "the gateway's data to the service": (SERVICE, AN386.gateway.data, Attack.WRITE),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_grant_is_found(firmware: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By the table, by the pages that tasks share, and by the attempt that succeeds."""
    task, region, attack = WRONG[name]
    monkeypatch.setattr(Board, "shared", shared_too(task, region))
    run = judge(firmware)
    found = failed(run)
    assert {clause.id: clause.outcome for clause in run.clauses} == dict.fromkeys(CLAUSES, "failed")
    assert "test_a_task_is_granted_what_the_contract_names" in found
    assert "test_iso_1_there_is_nothing_between_the_tasks_but_the_window" in found
    assert f"{attack.name.lower()} {region.name} {region.base:#010x}" in found, found


def test_an_executable_window_is_found(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Granted behind the table's back: only the attempts show it."""

    def generous(self: Cpu, granted: Region, host: object) -> None:
        access = cpu._ACCESS[granted.access]
        if granted.name == "window":
            access |= lib.CORE_EXECUTE
        assert lib.core_grant(self._core, granted.base, granted.size, access, host)

    monkeypatch.setattr(Cpu, "_grant", generous)
    found = failed(judge(firmware))
    assert "execute window 0x21810000" in found
    assert "test_a_task_is_granted" not in found


def test_a_fault_that_stops_the_other_task_too_is_found(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler stops everybody: the service does not answer."""
    made, explain = System.__init__, Task.explain
    services: list[Task] = []

    def remember(self: System, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        services.append(self.tasks[SERVICE])

    def spreading(self: Task, code: int, budget: int) -> Stop:
        for service in services:
            service.state = "faulted"
        return explain(self, code, budget)

    monkeypatch.setattr(System, "__init__", remember)
    monkeypatch.setattr(Task, "explain", spreading)
    assert "test_what_the_gateway_may_not_do_stops_the_gateway" in failed(judge(firmware))


# ---- what is tried ----


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
@pytest.mark.parametrize("task", [SERVICE, GATEWAY])
def test_attempts_are_all_different_and_none_is_allowed(task: str, board: Board) -> None:
    tried = attempts(task, board.name)
    assert len({(attempt.attack, attempt.address) for attempt in tried}) == len(tried) > 100
    letters = {Attack.READ: "r", Attack.WRITE: "w", Attack.EXECUTE: "x"}
    for attempt in tried:
        for place in tables(board.name).grants[task].values():
            if place.start <= attempt.address < place.end:
                assert letters[attempt.attack] not in place.access

# SPDX-License-Identifier: GPL-2.0-or-later
"""Each task tries to touch all that it was not granted, region by region: each try is a fault of that task alone, with
its exact address, and the other task goes on serving (ISO-2, ISO-3)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import pytest

from emulator.board import AN386, PAGE_SIZE, Region, TaskMap
from emulator.l4.scheduler import FaultReport
from emulator.l4.system import System
from emulator.stop import Fault, LimitReached

BUDGET = 100_000
ORDERS = {"service": AN386.window.base + 0x100, "gateway": AN386.window.base + 0x200}
SERVE, READ, WRITE, EXECUTE, OVERFLOW, SPIN, UNDEFINED = range(7)
KINDS = {READ: "read not granted", WRITE: "write not granted", EXECUTE: "execution not granted"}
TASKS = tuple(task.name for task in AN386.tasks)
IN_SOURCE = re.compile(r"(\w+)\+0x[0-9a-f]+ \(main\.c:\d+\)$")
TOP_WORD = 0xFFFF_FFFC


def order(system: System, task: str, what: int = SERVE, address: int = 0) -> None:
    """Write the task's order and ring its doorbell."""
    (doorbell,) = struct.unpack("<I", system.read(ORDERS[task], 4))
    system.write(ORDERS[task], struct.pack("<III", doorbell + 1, what, address))


def served(system: System, task: str) -> int:
    return int.from_bytes(system.read(ORDERS[task] + 12, 4), "little")


def other(task: str) -> str:
    (name,) = set(TASKS) - {task}
    return name


def attack(system: System, task: str, what: int, address: int = 0) -> FaultReport:
    """One order to attack while the other task has work too: exactly one report, and the other has done its work."""
    order(system, task, what, address)
    order(system, other(task))
    outcome = system.run(BUDGET)
    assert outcome.why == "quiet"
    assert served(system, other(task)) == 1
    (report,) = outcome.reports
    return report


def check_only_that_task_is_stopped(system: System, task: str) -> None:
    assert [system.tasks[name].state for name in (task, other(task))] == ["faulted", "idle"]
    order(system, task)
    order(system, other(task))
    outcome = system.run(BUDGET)
    assert (outcome.why, outcome.turns, outcome.reports) == ("quiet", 1, ())
    assert (served(system, task), served(system, other(task))) == (0, 2)


# ---- what is tried ----


def ends(region: Region) -> tuple[int, int]:
    return region.base, region.end - 4


def holes(task: TaskMap) -> Iterator[int]:
    """Where no region is: below and above the window and the stack, the last word of all, an address of nothing."""
    yield from (AN386.window.base - 4, AN386.window.end)
    yield from (task.stack.base - 4, task.stack_guards[0][0], task.stack.end, task.stack_guards[1][1] - 4)
    yield from (TOP_WORD, 0x1234_5678)


def not_granted() -> Iterator[tuple[str, int, int]]:
    """Task, attack, address."""
    for task in AN386.tasks:
        grants = set(AN386.grants(task))
        foreign = [region for region in AN386.regions if region not in grants]
        addresses = [address for region in foreign for address in ends(region)] + list(holes(task))
        if task is AN386.gateway:
            assert 0 in addresses  # null is the service's vector table
        for address in addresses:
            yield from ((task.name, what, address) for what in (READ, WRITE, EXECUTE))
        for region in AN386.grants(task):
            if not region.writable:
                yield from ((task.name, WRITE, address) for address in ends(region))
            if not region.executable:
                yield from ((task.name, EXECUTE, address) for address in ends(region))


CASES = tuple(not_granted())


@pytest.mark.parametrize(
    ("task", "what", "address"), CASES, ids=[f"{t}-{KINDS[w].split()[0]}-{a:#010x}" for t, w, a in CASES]
)
def test_what_was_not_granted_is_a_fault_of_that_task_alone(
    hostile: System, task: str, what: int, address: int
) -> None:
    inside = AN386.region_at(address)
    memory = inside is not None and inside not in AN386.peripherals
    before = hostile.read(address, 4) if memory and inside != AN386.return_pad else b""
    report = attack(hostile, task, what, address)
    stop = report.stop
    assert isinstance(stop, Fault)
    assert (report.task, stop.kind, stop.address) == (task, KINDS[what], address)
    if what == EXECUTE:
        assert stop.registers.pc == address
        assert stop.call_chain[1].startswith("reset+")
    else:
        assert AN386.task(task).code.contains(stop.registers.pc)
        assert [IN_SOURCE.match(frame).group(1) for frame in stop.call_chain] == ["attack", "reset"]  # type: ignore[union-attr]
        if before:
            assert hostile.read(address, 4) == before
    check_only_that_task_is_stopped(hostile, task)


def test_the_cases_cover_what_the_contract_names() -> None:
    """A slip in the generator above must not pass as a success."""
    gateway = {(what, address) for task, what, address in CASES if task == "gateway"}
    service = {(what, address) for task, what, address in CASES if task == "service"}
    places = {region.name: region for region in AN386.regions}
    for what in (READ, WRITE):
        for name in ("stack", "data", "bulk", "filters", "code", "entropy page", "key storage", "utcb", "uart"):
            assert {(what, address) for address in ends(places[name])} <= gateway
        for name in ("stack", "data", "bulk", "code", "utcb"):
            assert {(what, address) for address in ends(places[f"gateway {name}"])} <= service
        assert (what, AN386.window.end) in service & gateway
        assert (what, AN386.window.base - 4) in service & gateway
        assert (what, 0) in gateway
    assert (WRITE, AN386.kernel_page.base) in service & gateway
    assert (WRITE, AN386.key_storage.base) in service
    assert (WRITE, AN386.service.code.base) in service  # null and the service's own text
    assert (WRITE, AN386.gateway.code.base) in gateway
    assert (EXECUTE, AN386.window.base) in service & gateway
    assert (EXECUTE, AN386.service.stack.base) in service
    assert (EXECUTE, AN386.gateway.data.base) in gateway


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ["attack", "constant"])
def test_own_text_and_constants_are_not_writable(hostile: System, task: str, name: str) -> None:
    symbol = hostile.tasks[task].image.symbols[name]
    stop = attack(hostile, task, WRITE, symbol.address).stop
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address) == ("write not granted", symbol.address)
    check_only_that_task_is_stopped(hostile, task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("what", [READ, WRITE])
def test_an_access_that_leaves_the_window_half_way_is_refused_at_its_end(hostile: System, task: str, what: int) -> None:
    stop = attack(hostile, task, what, AN386.window.end - 2).stop
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address) == (KINDS[what], AN386.window.end)
    check_only_that_task_is_stopped(hostile, task)


@pytest.mark.parametrize("task", TASKS)
def test_a_stack_overflow_ends_in_the_guard_page(hostile: System, task: str) -> None:
    report = attack(hostile, task, OVERFLOW)
    stop = report.stop
    low, high = AN386.task(task).stack_guards[0]
    assert isinstance(stop, Fault)
    assert (report.task, stop.kind) == (task, "write not granted")
    assert stop.address is not None
    assert high - PAGE_SIZE == low <= stop.address < high
    assert stop.call_chain[0].startswith("overflow_stack")
    check_only_that_task_is_stopped(hostile, task)


@pytest.mark.parametrize("task", TASKS)
def test_the_address_at_which_the_engine_ends_a_run_is_no_way_out(hostile: System, task: str) -> None:
    stop = attack(hostile, task, EXECUTE, AN386.task(task).code.end - 2).stop
    assert isinstance(stop, Fault)
    assert stop.kind == "engine error"
    check_only_that_task_is_stopped(hostile, task)


@pytest.mark.parametrize("task", TASKS)
def test_an_exception_stops_its_task_alone(hostile: System, task: str) -> None:
    stop = attack(hostile, task, UNDEFINED).stop
    assert isinstance(stop, Fault)
    assert stop.kind == "undefined instruction"
    check_only_that_task_is_stopped(hostile, task)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_never_waits_is_stopped_by_its_budget(hostile: System, task: str) -> None:
    report = attack(hostile, task, SPIN)
    assert report.task == task
    assert isinstance(report.stop, LimitReached)
    assert report.stop.budget == BUDGET
    assert report.stop.call_chain[0].startswith("attack")
    check_only_that_task_is_stopped(hostile, task)


@pytest.mark.parametrize("task", TASKS)
def test_a_stopped_task_serves_again_after_a_reset_of_the_system(hostile: System, task: str) -> None:
    attack(hostile, task, WRITE, TOP_WORD)
    hostile.reset()
    hostile.run(BUDGET)
    order(hostile, task)
    assert hostile.run(BUDGET).reports == ()
    assert served(hostile, task) == 1


def test_both_tasks_may_fault_in_one_run(hostile: System) -> None:
    for task in TASKS:
        order(hostile, task, READ, TOP_WORD)
    outcome = hostile.run(BUDGET)
    assert [report.task for report in outcome.reports] == list(TASKS)
    assert str(outcome.reports[1]).startswith("task gateway: read not granted at 0xfffffffc, in attack+")
    assert "gateway" in outcome.reports[1].report()


def test_what_was_granted_is_no_fault(hostile: System) -> None:
    """The other side of it all: the first and the last word of every grant, with every access that it allows."""
    count = 0
    for task in AN386.tasks:
        # Writing there would overwrite the order, the stack in use, or a control page that is looked at.
        spared = (AN386.window, task.stack)
        for region in AN386.grants(task):
            for what in (READ, WRITE) if region.writable and region not in spared else (READ,):
                for address in ends(region):
                    order(hostile, task.name, what, address)
                    outcome = hostile.run(BUDGET, until=0)
                    assert outcome.reports == (), (task.name, region.name, what)
                    count += 1
        assert served(hostile, task.name) == count
        count = 0

# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns, signals and timeouts of two real tasks that wait. What a faulting task does to the others is in
test_isolation.py."""

from __future__ import annotations

import struct

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.scheduler import Signal
from emulator.l4.system import System
from emulator.stop import Breakpoint

BUDGET = 1000
ORDERS = {"service": AN386.window.base + 0x100, "gateway": AN386.window.base + 0x200}
LAST_TIME = (1 << 64) - 1


def ring(system: System, task: str) -> None:
    (doorbell,) = struct.unpack("<I", system.read(ORDERS[task], 4))
    system.write(ORDERS[task], struct.pack("<I", doorbell + 1))


def nap(system: System, task: str, naps: int, length: int) -> None:
    """Have the task wait so often with a timeout so many microseconds ahead."""
    system.write(ORDERS[task] + 4, struct.pack("<I", naps))
    system.write(ORDERS[task] + 8, struct.pack("<Q", length))


def wakes(system: System, task: str) -> tuple[int, ...]:
    """When the task was woken, first to last (at most eight)."""
    (count,) = struct.unpack("<I", system.read(ORDERS[task] + 80, 4))
    return struct.unpack("<8Q", system.read(ORDERS[task] + 16, 64))[:count]


def test_a_system_without_work_is_quiet_after_one_turn_each(waiting: System) -> None:
    outcome = waiting.run(BUDGET)
    assert (outcome.why, outcome.turns, outcome.reports, outcome.at) == ("quiet", 2, (), None)
    assert waiting.run(BUDGET).turns == 0


def test_a_signal_wakes_its_task_once_and_no_other(waiting: System) -> None:
    waiting.run(BUDGET)
    ring(waiting, "gateway")
    ring(waiting, "gateway")
    assert waiting.run(BUDGET).turns == 1
    assert (len(wakes(waiting, "service")), len(wakes(waiting, "gateway"))) == (0, 1)
    assert waiting.run(BUDGET).turns == 0


def test_a_signal_to_a_task_at_a_breakpoint_is_not_lost(hostile: System) -> None:
    """The task is behind its look at the doorbell and about to wait: it has to be woken all the same."""
    gateway = hostile.tasks["gateway"]
    address = gateway.image.symbols["attack"].address
    gateway.cpu.add_breakpoint(address)
    ring(hostile, "gateway")
    outcome = hostile.run(BUDGET)
    gateway.cpu.clear_breakpoints()
    assert (outcome.why, outcome.at) == ("breakpoint", ("gateway", Breakpoint(address)))
    assert gateway.state == "running"
    ring(hostile, "gateway")
    assert hostile.run(BUDGET).turns == 2
    assert hostile.read(ORDERS["gateway"] + 12, 4) == b"\x02\0\0\0"


def test_a_timeout_moves_the_clock_and_holds_once(waiting: System) -> None:
    nap(waiting, "gateway", 1, 100_000)
    assert waiting.run(BUDGET).why == "quiet"
    assert waiting.kernel_page.now == 100_000
    assert wakes(waiting, "gateway") == (100_000,)
    assert not any(waiting.read(AN386.gateway.utcb.base, 8))
    assert wakes(waiting, "service") == ()


def test_timeouts_are_served_in_the_order_of_time(waiting: System) -> None:
    nap(waiting, "service", 3, 30)
    nap(waiting, "gateway", 2, 50)
    waiting.run(BUDGET)
    assert wakes(waiting, "service") == (30, 60, 90)
    assert wakes(waiting, "gateway") == (50, 100)
    assert waiting.kernel_page.now == 100


def test_a_signal_comes_before_a_timeout_and_ends_it(waiting: System) -> None:
    nap(waiting, "gateway", 1, 1000)
    assert waiting.run(BUDGET, until=999).why == "quiet"
    assert waiting.kernel_page.now == 0
    ring(waiting, "gateway")
    waiting.run(BUDGET)
    assert wakes(waiting, "gateway") == (0,)
    assert waiting.kernel_page.now == 0


def test_time_does_not_pass_beyond_the_bound(waiting: System) -> None:
    nap(waiting, "gateway", 8, 10)
    outcome = waiting.run(BUDGET, until=35)
    assert (outcome.why, waiting.kernel_page.now) == ("quiet", 30)
    assert wakes(waiting, "gateway") == (10, 20, 30)
    waiting.run(BUDGET, until=40)
    assert waiting.kernel_page.now == 40


def test_a_clock_that_the_host_moves_wakes_as_well(waiting: System) -> None:
    nap(waiting, "gateway", 1, 1000)
    waiting.run(BUDGET, until=0)
    waiting.kernel_page.set_clock(5000)
    waiting.run(BUDGET, until=5000)
    assert wakes(waiting, "gateway") == (5000,)


def test_the_last_time_of_all_is_a_timeout_like_any_other(waiting: System) -> None:
    nap(waiting, "gateway", 1, LAST_TIME)
    nap(waiting, "service", 1, 5)
    waiting.run(BUDGET)
    assert wakes(waiting, "service") == (5,)
    assert wakes(waiting, "gateway") == (LAST_TIME,)


def test_a_task_that_keeps_itself_awake_does_not_starve_the_other(waiting: System) -> None:
    """A timeout that has passed already, over and over: the run is bounded by its turns, and these are shared."""
    nap(waiting, "gateway", 1_000_000, LAST_TIME)
    waiting.kernel_page.set_clock(100)
    ring(waiting, "service")
    outcome = waiting.run(BUDGET, turns=50)
    assert (outcome.why, outcome.turns) == ("turns", 50)
    ring(waiting, "service")
    waiting.run(BUDGET, turns=2)
    assert len(wakes(waiting, "service")) == 2


def test_reset_forgets_timeouts(waiting: System) -> None:
    nap(waiting, "gateway", 1, 1000)
    waiting.run(BUDGET, until=0)
    waiting.reset()
    assert waiting.run(BUDGET).turns == 2
    assert waiting.kernel_page.now == 0


@pytest.mark.parametrize(
    "signal",
    [
        Signal("moe", AN386.window.base),
        Signal("gateway", AN386.key_storage.base),
        Signal("gateway", AN386.window.end - 2),
        Signal("service", 0x5000_0000),
    ],
)
def test_a_signal_that_its_task_cannot_see_is_refused(waiting_images: dict[str, Image], signal: Signal) -> None:
    with pytest.raises(EmulatorError, match=f"signal at {signal.address:#010x}: task {signal.task} does not run or"):
        System(AN386, waiting_images, [signal])


def test_a_turn_that_was_interrupted_goes_on_before_anybody_elses(hostile: System) -> None:
    """The service is ready as well and comes first otherwise; the scheduler's state says who was interrupted."""
    hostile.run(BUDGET)
    gateway = hostile.tasks["gateway"]
    gateway.cpu.add_breakpoint(gateway.image.symbols["attack"].address)
    ring(hostile, "gateway")
    assert hostile.run(BUDGET).why == "breakpoint"
    gateway.cpu.clear_breakpoints()
    state = hostile.scheduler.state()
    assert state.interrupted == "gateway"
    ring(hostile, "service")
    hostile.run(BUDGET, turns=1)
    assert (gateway.state, hostile.scheduler.state().interrupted) == ("idle", None)
    hostile.scheduler.set_state(state)
    assert (gateway.state, hostile.scheduler.state()) == ("running", state)
    hostile.scheduler.reset("gateway")
    assert hostile.scheduler.state().interrupted is None

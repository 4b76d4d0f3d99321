# SPDX-License-Identifier: GPL-2.0-or-later
"""A system under control: what stops it, where exactly, and that being stopped changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from emulator.board import AN386
from emulator.cpu import lib
from emulator.errors import EmulatorError
from emulator.gdbserver.stepping import Stepper, Watchpoint
from emulator.l4.ping_pong import INSTRUCTIONS_PER_ROUND, ping_pong
from emulator.l4.system import System
from emulator.stop import Fault

CODE = AN386.code.base + 8  # where a guest's instructions begin
DATA = AN386.data.base
NEVER = 1 << 40

# movs r0, #3; back: subs r0, #1; bne back; wfi
LOOP = (0x2003, 0x3801, 0xD1FD, 0xBF30)
# cmp r0, r0; itete eq; streq r0, [r1]; strne r0, [r1, #4]; addeq r2, #1; addne r3, #1; b next;
# next: adds r4, #1; wfi
IF_THEN = (0x4280, 0xBF0B, 0x6008, 0x6048, 0x3201, 0x3301, 0xE7FF, 0x3401, 0xBF30)


GuestStepper = Callable[..., Stepper]


@pytest.fixture
def stepper_of(guest_system: Callable[..., System]) -> Iterator[GuestStepper]:
    """Returns stepper_of(*halfwords, **registers)."""
    made: list[Stepper] = []

    def make(*code: int, **registers: int) -> Stepper:
        made.append(Stepper(guest_system(*code, **registers)))
        return made[-1]

    yield make
    for stepper in made:
        stepper.close()


@pytest.fixture
def ringing() -> Iterator[Stepper]:
    """The two smallest tasks."""
    system = ping_pong(AN386)
    stepper = Stepper(system)
    yield stepper
    stepper.close()
    system.close()


def pc(stepper: Stepper) -> int:
    return stepper.system.tasks["service"].cpu.pc


def test_a_run_to_its_end_counts_every_instruction(stepper_of: GuestStepper) -> None:
    stepper = stepper_of(*LOOP)
    assert stepper.run(NEVER).why == "idle"
    assert stepper.count == 1 + 3 * 2 + 1
    assert stepper.run(NEVER).why == "idle"
    assert stepper.count == 8


@pytest.mark.parametrize("limit", range(9))
def test_a_limit_is_exact(stepper_of: GuestStepper, limit: int) -> None:
    stepper = stepper_of(*LOOP)
    halt = stepper.run(limit)
    assert (halt.why, stepper.count) == ("idle" if limit == 8 else "limit", limit)


def test_a_breakpoint_within_a_block_stops_before_it_each_time(stepper_of: GuestStepper) -> None:
    stepper = stepper_of(*LOOP)
    stepper.run(1)
    stepper.set_points((CODE + 4,), ())  # bne: in the middle of a block that was translated already
    halts = [stepper.run(NEVER, told=frozenset({"breakpoint"})) for _ in range(4)]
    assert [(halt.why, halt.at) for halt in halts] == [
        ("breakpoint", 2),
        ("breakpoint", 4),
        ("breakpoint", 6),
        ("idle", 8),
    ]
    assert pc(stepper) == CODE + 8


def test_a_breakpoint_right_here_stops_unless_it_was_told(stepper_of: GuestStepper) -> None:
    stepper = stepper_of(*LOOP)
    stepper.set_points((CODE,), ())
    assert (stepper.run(NEVER).why, stepper.count) == ("breakpoint", 0)
    assert stepper.run(NEVER, told=frozenset({"breakpoint"})).why == "idle"


@pytest.mark.parametrize("stops", [(), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("watched", [DATA + 4, DATA + 0x100])  # near enough for the hook of accesses to fire, and not
def test_an_if_then_block_is_one_instruction(stepper_of: GuestStepper, stops: tuple[int, ...], watched: int) -> None:
    """The engine cannot be stopped inside; what holds before and behind the block is not disturbed."""
    stepper = stepper_of(*IF_THEN, r0=7, r1=DATA, r2=0, r3=0, r4=0)
    stepper.set_points((), [Watchpoint(watched, 4, "read")])
    places = []
    for limit in (*stops, NEVER):
        halt = stepper.run(limit)
        places.append(pc(stepper) - CODE)
    assert places == ([2, 4 + 4 * 2, 14, 16, 18] if stops else []) + [18]
    registers = stepper.system.tasks["service"].cpu.registers()
    assert (registers.r2, registers.r3, registers.r4) == (1, 0, 1)
    assert stepper.system.read(DATA, 8) == bytes((7, 0, 0, 0, 0, 0, 0, 0))
    assert (halt.why, stepper.count) == ("idle", 5)


def test_a_fault_within_an_if_then_block_is_told_where_it_is(stepper_of: GuestStepper) -> None:
    """cmp r0, r0; itt eq; addeq r2, #1; streq r0, [r1]; wfi"""
    stepper = stepper_of(0x4280, 0xBF04, 0x3201, 0x6008, 0xBF30, r1=0x9000_0000, r2=0)
    halt = stepper.run(NEVER)
    assert halt.fault is not None
    assert (halt.inside, halt.fault.kind, stepper.count, pc(stepper)) == (True, "write not granted", 1, CODE + 6)
    assert stepper.system.tasks["service"].cpu.registers().r2 == 1


@pytest.mark.parametrize(
    ("kind", "address", "size", "at"),
    [
        ("write", DATA, 4, 0),
        ("write", DATA + 3, 1, 0),
        ("write", DATA + 2, 100, 0),
        ("read", DATA + 4, 4, 1),
        ("access", DATA + 4, 8, 1),
        ("access", DATA, 8, 0),
        ("write", DATA + 4, 4, None),
        ("read", DATA, 4, None),
        ("access", DATA + 8, 4, None),
        ("access", DATA - 8, 8, None),
    ],
)
def test_watchpoints_tell_kind_and_place(
    stepper_of: GuestStepper, kind: str, address: int, size: int, at: int | None
) -> None:
    """str r0, [r1]; ldr r2, [r1, #4]; wfi"""
    stepper = stepper_of(0x6008, 0x684A, 0xBF30, r1=DATA)
    stepper.set_points((), [Watchpoint(address, size, kind)])  # type: ignore[arg-type]
    halt = stepper.run(NEVER)
    if at is None:
        assert halt.why == "idle"
    else:
        assert (halt.why, halt.at, halt.watch, halt.address) == ("watchpoint", at, kind, max(address, DATA + 4 * at))
        assert stepper.count == at + 1


def test_a_watchpoint_hit_by_the_last_instruction_before_the_wait_is_told(stepper_of: GuestStepper) -> None:
    stepper = stepper_of(0x6008, 0xBF30, r1=DATA)
    stepper.set_points((), [Watchpoint(DATA, 4, "write")])
    assert stepper.run(NEVER).why == "watchpoint"
    stepper.set_points((), ())
    assert stepper.run(NEVER).why == "idle"


def test_a_fault_leaves_the_task_before_its_instruction(stepper_of: GuestStepper) -> None:
    """movs r2, #1; ldr r0, [r1]; wfi: told again and again, until it can be done."""
    stepper = stepper_of(0x2201, 0x6808, 0xBF30, r1=0x9000_0000)
    for _ in range(3):
        halt = stepper.run(NEVER)
        assert isinstance(halt.fault, Fault)
        assert (halt.why, halt.fault.kind, halt.address) == ("fault", "read not granted", 0x9000_0000)
        assert (stepper.count, pc(stepper)) == (1, CODE + 2)
    stepper.system.tasks["service"].cpu.set_registers({"r1": DATA})
    assert (stepper.run(NEVER).why, stepper.count) == ("idle", 3)


@pytest.mark.parametrize(
    ("code", "kind", "count", "at"),
    [
        ((0xBE00, 0xBF30), "breakpoint instruction", 0, CODE),
        ((0xDF00, 0xBF30), "supervisor call", 0, CODE),
        ((0xDE00, 0xBF30), "undefined instruction", 0, CODE),
        ((0x4708, 0xBF30), "execution not granted", 1, 0x2000_6000),  # bx r1: the jump was done
    ],
)
def test_kinds_of_faults(stepper_of: GuestStepper, code: tuple[int, ...], kind: str, count: int, at: int) -> None:
    stepper = stepper_of(*code, r1=DATA | 1)
    for _ in range(2):
        halt = stepper.run(NEVER)
        assert halt.fault is not None
        assert (halt.fault.kind, stepper.count, pc(stepper)) == (kind, count, at)


def test_a_step_is_one_instruction_of_the_task_that_is_named(ringing: Stepper) -> None:
    halt = ringing.run(NEVER, step="gateway")
    assert (halt.why, halt.task) == ("step", "gateway")
    assert ringing.system.tasks["gateway"].cpu.pc == AN386.gateway.code.base + 8 + 2
    assert ringing.count == 2 + 1  # the answerer's turn came first


def test_one_count_goes_over_all_tasks(ringing: Stepper) -> None:
    answerer = AN386.service.code.base + 8 + 4  # ldr r1, [r0]
    ringing.set_points((answerer,), ())
    counts = [ringing.run(NEVER, told=frozenset({"breakpoint"})).at for _ in range(3)]
    assert counts[2] - counts[1] == counts[1] - counts[0] == INSTRUCTIONS_PER_ROUND


def test_collecting_stops_nowhere_and_tells_the_last_hit(stepper_of: GuestStepper) -> None:
    stepper = stepper_of(*LOOP)
    stepper.set_points((CODE + 4,), ())
    halt = stepper.run(7, collect=True)
    assert (halt.why, halt.at, stepper.count) == ("breakpoint", 6, 7)
    assert stepper.run(8, collect=True).why == "limit"


def test_as_many_points_as_there_can_be(stepper_of: GuestStepper) -> None:
    stepper = stepper_of(*LOOP)
    most = range(0, 2 * lib.DEBUG_POINTS, 2)
    stepper.set_points(most, [Watchpoint(at, 1, "write") for at in most])
    for too_many in (
        (range(0, 2 * lib.DEBUG_POINTS + 2, 2), ()),
        ((), [Watchpoint(0, 1, "read")] * (lib.DEBUG_POINTS + 1)),
    ):
        with pytest.raises(EmulatorError, match="64 breakpoints"):
            stepper.set_points(*too_many)
    assert stepper.run(NEVER).why == "idle"


def test_without_its_debugger_the_system_runs_as_before(guest_system: Callable[..., System]) -> None:
    system = guest_system(*LOOP)
    stepper = Stepper(system)
    stepper.set_points((CODE + 4,), [Watchpoint(DATA, 4, "access")])
    stepper.run(1)
    stepper.close()
    outcome = system.run(1000)
    assert (outcome.why, outcome.reports) == ("quiet", ())

# SPDX-License-Identifier: GPL-2.0-or-later
"""A life that can be gone back in: every moment again as it was, changes by the host included."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.board import AN386
from emulator.cpu import Registers
from emulator.errors import EmulatorError
from emulator.gdbserver import timeline as module
from emulator.gdbserver.stepping import Halt, Watchpoint
from emulator.gdbserver.timeline import Moment, Timeline
from emulator.l4.ping_pong import ping_pong

CODE = AN386.code.base + 8
DATA = AN386.data.base
BELL = AN386.window.base
NEVER = 1 << 40

Guest = Callable[..., Timeline]

# again: movs r2, #3; back: adds r4, #1; str r4, [r1]; subs r2, #1; bne back; wfi; b again
LOOP = (0x2203, 0x3401, 0x600C, 0x3A01, 0xD1FB, 0xBF30, 0xE7F8)
ROUND = 1 + 3 * 4 + 1
STORE = CODE + 4


def seen(timeline: Timeline) -> tuple[Registers | bytes | int, ...]:
    """All that can be told of a moment."""
    tasks = timeline.system.tasks.values()
    memory = timeline.system.read(DATA, 64) + timeline.system.read(BELL, 64)
    return (*(task.cpu.registers() for task in tasks), memory, timeline.system.kernel_page.now)


def to_the_end(timeline: Timeline) -> Halt:
    *_, halt = timeline.back()
    assert halt is not None
    return halt


def ring(timeline: Timeline) -> None:
    (value,) = struct.unpack("<I", timeline.system.read(BELL, 4))
    timeline.write(BELL, struct.pack("<I", value + 1))


@pytest.fixture
def lived(guest: Guest) -> Timeline:
    """Two rounds of the loop, with a ring and other changes in between."""
    timeline = guest(*LOOP, r1=DATA, r4=0)
    assert timeline.forward(NEVER).why == "idle"
    ring(timeline)
    timeline.set_clock(1234)
    timeline.set_registers("service", {"r5": 55})
    assert timeline.forward(NEVER).why == "idle"
    assert timeline.now == Moment(2 * ROUND + 1, 3)  # a branch more: the wait is behind the loop
    return timeline


def test_every_moment_can_be_gone_to_again(lived: Timeline) -> None:
    end, states = lived.now, {lived.now: seen(lived)}
    while lived.step_back():
        states[lived.now] = seen(lived)
    assert len(states) == end.count + 1
    assert len(set(states.values())) == len(states)
    for moment in (*states, *reversed(states)):
        lived.go_to(moment)
        assert (lived.now, seen(lived)) == (moment, states[moment])
    lived.go_to(Moment(0, 0))
    for _ in range(end.count):
        assert lived.forward(1).why in ("limit", "idle")
        if lived.now.count != ROUND:  # where the host's changes are still to come
            assert seen(lived) == states[lived.now]


def test_history_repeats_forward_until_it_ends(lived: Timeline) -> None:
    end, state = lived.now, seen(lived)
    lived.go_to(Moment(3, 0))
    assert lived.forward(NEVER).why == "idle"
    assert (lived.now, seen(lived)) == (end, state)


@pytest.mark.parametrize("change", ["memory", "register", "clock"])
def test_a_change_in_the_past_begins_another_future(lived: Timeline, change: str) -> None:
    end = lived.now
    lived.name("late")
    lived.go_to(Moment(3, 0))
    lived.name("early")
    if change == "memory":
        lived.write(DATA + 32, b"x")
    elif change == "register":
        lived.set_registers("service", {"r4": 100})
    else:
        lived.set_clock(5)
    assert set(lived.names) == {"early"}
    assert lived.forward(NEVER).why == "idle"
    assert lived.now == Moment(ROUND, 1)
    assert lived.now < end


def test_what_changes_nothing_is_no_change(lived: Timeline) -> None:
    now = lived.now
    lived.write(DATA, lived.system.read(DATA, 8))
    lived.set_clock(1234)
    lived.set_registers("service", {"r5": 55})
    with lived.edit(DATA, 8):
        pass
    assert lived.now == now


def test_an_edit_is_one_change(lived: Timeline) -> None:
    with lived.edit(DATA + 1, 5000) as memory:
        memory[10] = 1
        memory[4999] = 2
    assert lived.now.changes == 4
    assert (lived.system.read(DATA + 11, 1), lived.system.read(DATA + 5000, 1)) == (b"\1", b"\2")
    with pytest.raises(EmulatorError, match="no memory"), lived.edit(0x9000_0000, 4):
        pass


def test_code_that_was_changed_is_executed_and_unchanged_in_the_past(lived: Timeline) -> None:
    lived.write(CODE + 2, struct.pack("<H", 0x3402))  # adds r4, #2
    ring(lived)
    lived.forward(NEVER)
    assert lived.system.read(DATA, 1) == bytes((3 + 3 + 6,))
    lived.go_to(Moment(0, 0))
    lived.forward(ROUND)
    assert lived.system.read(DATA, 1) == b"\3"
    lived.forward(NEVER)
    assert lived.system.read(DATA, 1) == bytes((3 + 3 + 6,))


def test_back_to_breakpoints_one_by_one(lived: Timeline) -> None:
    end = lived.now
    lived.set_points([STORE], [])
    places = []
    while (halt := to_the_end(lived)).why == "breakpoint":
        places.append(lived.now.count)
        assert lived.system.tasks["service"].cpu.pc == STORE
    assert halt.why == "start"
    assert lived.now == Moment(0, 0)
    forward = []
    while lived.forward(NEVER).why == "breakpoint":
        forward.append(lived.now.count)
    assert places == forward[::-1]
    assert len(places) == 6
    assert lived.now == end


def test_a_watchpoint_stands_before_the_access_forward_and_behind_it_on_the_way_back(lived: Timeline) -> None:
    lived.set_points([], [Watchpoint(DATA, 4, "write")])
    counts = []
    while to_the_end(lived).why == "watchpoint":
        counts.append(lived.now.count)
        assert lived.system.tasks["service"].cpu.pc == STORE + 2
    forward = []
    while lived.forward(NEVER).why == "watchpoint":
        forward.append(lived.now.count)
        assert lived.system.tasks["service"].cpu.pc == STORE
    assert counts == [count + 1 for count in reversed(forward)]
    assert len(forward) == 6


def test_a_fault_is_told_again_until_its_cause_is_gone_and_stays_in_history(guest: Guest) -> None:
    timeline = guest(*LOOP, r1=0x9000_0000, r4=0)
    for _ in range(2):
        halt = timeline.forward(NEVER)
        assert (halt.why, timeline.now) == ("fault", Moment(2, 0))
    timeline.set_registers("service", {"r1": DATA})
    assert timeline.forward(NEVER).why == "idle"
    end = seen(timeline)
    assert to_the_end(timeline).why == "start"
    assert timeline.forward(NEVER).why == "idle"
    assert seen(timeline) == end


def test_a_fault_within_an_if_then_block_is_shown_and_gone_back_from(guest: Guest) -> None:
    """cmp r0, r0; itt eq; addeq r2, #1; streq r0, [r1]; wfi"""
    timeline = guest(0x4280, 0xBF04, 0x3201, 0x6008, 0xBF30, r1=0x9000_0000, r2=0)
    cpu = timeline.system.tasks["service"].cpu
    for _ in range(2):
        assert timeline.forward(NEVER).why == "fault"
        assert (cpu.pc, cpu.registers().r2, timeline.now) == (CODE + 6, 1, Moment(1, 0))
    assert timeline.step_back()
    assert (cpu.pc, cpu.registers().r2, timeline.now) == (CODE + 2, 0, Moment(1, 0))
    timeline.forward(NEVER)
    timeline.set_registers("service", {"r1": DATA})
    assert timeline.forward(NEVER).why == "idle"
    assert cpu.registers().r2 == 1


def test_a_waiting_task_goes_on_where_its_pc_is_set(lived: Timeline) -> None:
    lived.set_registers("service", {"pc": CODE})
    assert lived.forward(NEVER).why == "idle"
    assert lived.system.read(DATA, 1) == bytes((9,))


def test_a_search_that_is_given_up_changes_nothing(lived: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    now, state = lived.now, seen(lived)
    monkeypatch.setattr(module, "INTERVAL", 1)
    search = lived.back()
    next(search)
    assert isinstance(search, Iterator)
    search.close()  # type: ignore[attr-defined]
    assert (lived.now, seen(lived)) == (now, state)


def test_states_are_kept_far_apart_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks that ring each other for ever, with a state every 50 instructions at first."""
    monkeypatch.setattr(module, "INTERVAL", 50)
    monkeypatch.setattr(module, "STATES_MAX", 8)
    monkeypatch.setattr(module, "NEAR", 20)
    timeline = Timeline(ping_pong(AN386))
    states = {}
    for _ in range(60):
        timeline.forward(50)
        states[timeline.now] = seen(timeline)
    assert len(timeline._kept) <= 9  # otherwise a long session fills the memory
    for moment in reversed(states):
        timeline.go_to(moment)
        assert seen(timeline) == states[moment]
    timeline.close()
    timeline.system.close()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["ring", "clock", "register", "run", "step", "back", "far"]), max_size=25))
def test_whatever_the_host_does_replays_to_the_same(guest: Guest, actions: list[str]) -> None:
    timeline = guest(*LOOP, r1=DATA, r4=0)
    for number, action in enumerate(actions, start=1):
        if action == "ring":
            ring(timeline)
        elif action == "clock":
            timeline.set_clock(number)
        elif action == "register":
            timeline.set_registers("service", {"r6": number})
        elif action == "back":
            timeline.step_back()
        elif action == "far":
            timeline.go_to(timeline.last_at(timeline.now.count // 2))
        else:
            timeline.forward(NEVER if action == "run" else 1)
    now, state = timeline.now, seen(timeline)
    timeline.go_to(Moment(0, 0))
    timeline.go_to(now)
    assert (timeline.now, seen(timeline)) == (now, state)


def test_two_tasks_go_back_as_one(two_tasks: Timeline) -> None:
    states = {}
    for _ in range(60):
        two_tasks.forward(1)
        states[two_tasks.now] = (two_tasks.task, seen(two_tasks))
    assert {task for task, _ in states.values()} == {"service", "gateway"}
    for moment in reversed(states):
        assert (two_tasks.now, (two_tasks.task, seen(two_tasks))) == (moment, states[moment])
        two_tasks.step_back()

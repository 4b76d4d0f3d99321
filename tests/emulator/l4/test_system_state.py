# SPDX-License-Identifier: GPL-2.0-or-later
"""A system brought back to an earlier state goes on as it did then; states share what they have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.board import AN386
from emulator.cpu import Registers
from emulator.l4.ping_pong import ping_pong
from emulator.l4.system import System
from emulator.l4.system_state import capture, restore

Seen = tuple[tuple[Registers, ...], bytes, int, str]


@pytest.fixture
def system() -> Iterator[System]:
    made = ping_pong(AN386)
    made.run(1000, turns=5)
    yield made
    made.close()


def seen(system: System) -> Seen:
    registers = tuple(task.cpu.registers() for task in system.tasks.values())
    return registers, system.read(AN386.window.base, 64), system.kernel_page.now, system.uart.text()


def test_what_ran_from_a_state_runs_from_it_again(system: System) -> None:
    state = capture(system)
    before = seen(system)
    system.run(1000, turns=7)
    after = seen(system)
    assert after != before
    for _ in range(2):
        restore(system, state)
        assert seen(system) == before
        system.run(1000, turns=7)
        assert seen(system) == after


def test_clock_devices_and_scheduler_are_part_of_it(system: System) -> None:
    system.uart.write(0, 1, ord("a"))
    system.system_control.write(0x10, 4, 7)
    system.kernel_page.set_clock(5)
    system.scheduler.interrupt("gateway")
    state = capture(system)
    known = system.scheduler.state()
    system.uart.write(0, 1, ord("b"))
    system.system_control.write(0x10, 4, 8)
    system.kernel_page.set_clock(6)
    system.run(1000, turns=1)
    restore(system, state)
    assert (system.uart.text(), system.system_control.read(0x10, 4), system.kernel_page.now) == ("a", 7, 5)
    assert system.scheduler.state() == known
    assert known.interrupted == "gateway"


def test_code_that_was_changed_is_the_earlier_one_again(system: System) -> None:
    state = capture(system)
    answerer = AN386.service.code.base + 8
    system.write(answerer + 2, b"\xfe\xe7")  # b . in the place of the wait
    restore(system, state)
    assert system.run(1000, turns=4).reports == ()


def test_states_share_the_pages_that_are_the_same(system: System) -> None:
    first = capture(system)
    system.run(1000, turns=2)
    second = capture(system, first)
    differ = [address for address, page in second.pages.items() if page is not first.pages[address]]
    assert differ == [AN386.window.base]

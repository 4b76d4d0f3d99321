# SPDX-License-Identifier: GPL-2.0-or-later
"""A real guest that does what it must not: every misdeed ends its run with a value that tells where and what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError
from emulator.image import load_image
from emulator.machine import Machine
from emulator.stop import IDLE, Breakpoint, Fault, LimitReached

BUDGET = 1_000_000


@pytest.fixture
def guest(misbehaving: Path) -> Iterator[Machine]:
    machine = Machine(AN386, load_image(misbehaving, AN386))
    assert machine.run(BUDGET) is IDLE
    yield machine
    machine.close()


def ask(machine: Machine, what: int) -> object:
    machine.write(AN386.window.base, what.to_bytes(4, "little"))
    return machine.run(BUDGET)


def counter(machine: Machine) -> int:
    return int.from_bytes(machine.read(machine.image.symbols["counter"].address, 4), "little")


def test_a_guest_that_waits_is_idle_and_goes_on(guest: Machine) -> None:
    assert ask(guest, 0) is IDLE
    assert ask(guest, 0) is IDLE
    assert counter(guest) == 2


def test_devices_are_reached(guest: Machine) -> None:
    assert guest.uart.text() == "ok"
    assert guest.system_control.read(0x010, 4) == 7


@pytest.mark.parametrize(
    ("what", "kind", "address"),
    [
        (1, "write not granted", 0x12345678),
        (2, "read not granted", 0x30000004),
        (5, "undefined instruction", None),
        (6, "breakpoint instruction", None),
        (7, "supervisor call", None),
        (10, "write not granted", 0x21800000),
        (12, "undefined instruction", None),
    ],
)
def test_a_misdeed_is_a_fault_with_kind_and_address(guest: Machine, what: int, kind: str, address: int | None) -> None:
    stop = ask(guest, what)
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address) == (kind, address)
    assert stop.call_chain[0].startswith("misbehave")
    assert any(frame.startswith("reset") for frame in stop.call_chain)
    assert "main.c:" in stop.call_chain[0]
    assert stop.last_branches


def test_text_is_not_writable(guest: Machine) -> None:
    stop = ask(guest, 3)
    assert isinstance(stop, Fault)
    assert stop.kind == "write not granted"
    assert stop.address is not None
    assert AN386.code.contains(stop.address)


def test_data_is_not_executable(guest: Machine) -> None:
    stop = ask(guest, 4)
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address) == ("execution not granted", guest.image.symbols["big"].address)


def test_a_stack_overflow_meets_the_guard_page(guest: Machine) -> None:
    stop = ask(guest, 9)
    assert isinstance(stop, Fault)
    assert stop.kind == "write not granted"
    assert stop.address is not None
    assert AN386.stack_guards[0][0] <= stop.address < AN386.stack_guards[0][1]
    assert "overflow_stack" in stop.report()


def test_a_hang_uses_up_its_budget(guest: Machine) -> None:
    stop = ask(guest, 8)
    assert isinstance(stop, LimitReached)
    assert stop.call_chain[0].startswith("spin")
    assert BUDGET < guest.instructions < BUDGET + 100


def test_the_same_hang_stops_at_the_same_place(guest: Machine, misbehaving: Path) -> None:
    first = ask(guest, 8)
    other = Machine(AN386, load_image(misbehaving, AN386))
    other.run(BUDGET)
    assert ask(other, 8) == first
    assert counter(other) == counter(guest)
    other.close()


def test_reset_forgets_everything(guest: Machine) -> None:
    ask(guest, 0)
    guest.reset(fill=0xA5)
    assert counter(guest) == 0xA5A5A5A5
    assert guest.uart.text() == ""
    assert guest.run(BUDGET) is IDLE


def test_restore_brings_back_memory_and_registers(guest: Machine) -> None:
    restore = guest.snapshot()
    before = guest.cpu.registers()
    for _ in range(3):
        assert ask(guest, 11) is IDLE
        assert guest.read(guest.image.symbols["big"].address + 40, 4) == (10).to_bytes(4, "little")
        restore()
        assert counter(guest) == 0
        assert not any(guest.read(guest.image.symbols["big"].address, 4 * 4096))
        assert guest.read(AN386.window.base, 8) == bytes(8)
        assert guest.cpu.registers() == before


def test_restore_after_a_fault_lets_the_guest_go_on(guest: Machine) -> None:
    restore = guest.snapshot(((AN386.stack.base, AN386.stack.size),))
    assert isinstance(ask(guest, 9), Fault)
    restore()
    assert ask(guest, 0) is IDLE
    assert counter(guest) == 1


def test_a_guest_may_wait_where_it_polls(guest: Machine) -> None:
    guest.cpu.wait_at(guest.image.symbols["spin"].address)
    before = counter(guest)
    assert ask(guest, 8) is IDLE
    assert guest.cpu.registers().pc == guest.image.symbols["spin"].address
    assert counter(guest) == before, "nothing of the block has been executed"
    assert guest.cpu.last_blocks(1) != (guest.image.symbols["spin"].address,)
    # It goes on from there: into the loop that this function is.
    assert isinstance(guest.run(1000), LimitReached)
    assert counter(guest) > before


def test_a_breakpoint_stops_before_its_function_and_is_passed_on_resume(guest: Machine) -> None:
    address = guest.image.symbols["spin"].address
    guest.cpu.add_breakpoint(address)
    assert ask(guest, 8) == Breakpoint(address)
    assert counter(guest) == 0
    assert isinstance(guest.run(1000), LimitReached)
    guest.cpu.clear_breakpoints()


def test_memory_that_the_board_lacks_is_the_hosts_mistake(guest: Machine) -> None:
    with pytest.raises(EmulatorError, match="no memory at 0x50000000"):
        guest.read(0x5000_0000, 4)


def test_instructions_are_counted_exactly(guest: Machine) -> None:
    """The count by blocks against the engine's own hook on every instruction."""
    import unicorn

    ask(guest, 11)
    by_blocks = guest.instructions
    counted = 0

    def count(_uc: object, _address: int, _size: int, _user: object) -> None:
        nonlocal counted
        counted += 1

    hook = guest.cpu.engine.hook_add(unicorn.UC_HOOK_CODE, count)
    guest.cpu.forget_translations()
    ask(guest, 11)
    guest.cpu.engine.hook_del(hook)
    assert counted == by_blocks

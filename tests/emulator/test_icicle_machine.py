# SPDX-License-Identifier: GPL-2.0-or-later
"""The second engine: a guest that does what it must not, resets, snapshots, and an engine that is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError
from emulator.icicle_machine import IcicleMachine
from emulator.image import load_image
from emulator.machine import Machine
from emulator.stop import IDLE, Fault, LimitReached, Stop

BUDGET = 1_000_000


@pytest.fixture
def guest(misbehaving: Path) -> IcicleMachine:
    machine = IcicleMachine(AN386, load_image(misbehaving, AN386))
    assert machine.run(BUDGET) is IDLE
    return machine


def ask(machine: IcicleMachine | Machine, what: int) -> Stop:
    machine.write(AN386.window.base, what.to_bytes(4, "little"))
    return machine.run(BUDGET)


def counter(machine: IcicleMachine) -> int:
    return int.from_bytes(machine.read(machine.image.symbols["counter"].address, 4), "little")


def test_a_guest_that_waits_is_idle_and_goes_on(guest: IcicleMachine) -> None:
    assert ask(guest, 0) is IDLE
    assert ask(guest, 0) is IDLE
    assert counter(guest) == 2


def test_devices_hold_what_was_written(guest: IcicleMachine) -> None:
    assert guest.read(AN386.system_control.base + 0x10, 4) == b"\x07\0\0\0"


@pytest.mark.parametrize("what", [1, 2, 3, 4, 5, 6, 9, 10])
def test_a_misdeed_is_the_fault_that_the_first_engine_sees(guest: IcicleMachine, misbehaving: Path, what: int) -> None:
    other = Machine(AN386, load_image(misbehaving, AN386))
    other.run(BUDGET)
    expected, stop = ask(other, what), ask(guest, what)
    assert isinstance(expected, Fault)
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address, stop.call_chain) == (expected.kind, expected.address, expected.call_chain)
    other.close()


def test_a_supervisor_call_stops_on_it(guest: IcicleMachine) -> None:
    """The first engine stops behind it."""
    stop = ask(guest, 7)
    assert isinstance(stop, Fault)
    assert stop.kind == "supervisor call"
    assert guest.read(stop.registers.pc, 2) == bytes.fromhex("00df")


def test_behind_a_fault_a_reset_starts_anew(guest: IcicleMachine) -> None:
    assert isinstance(ask(guest, 5), Fault)
    guest.reset()
    assert guest.run(BUDGET) is IDLE
    assert ask(guest, 0) is IDLE
    assert counter(guest) == 1


def test_a_hang_uses_up_its_budget(guest: IcicleMachine) -> None:
    stop = ask(guest, 8)
    assert isinstance(stop, LimitReached)
    assert stop.call_chain[0].startswith("spin")
    assert guest.instructions == BUDGET


def test_a_snapshot_brings_back_memory_and_registers(guest: IcicleMachine) -> None:
    ask(guest, 0)
    state, row = guest.snapshot(), guest.row
    assert ask(guest, 11) is IDLE
    assert guest.snapshot() != state
    for _ in range(2):
        guest.restore(state)
        assert (guest.snapshot(), guest.row, counter(guest)) == (state, row, 1)
        assert isinstance(ask(guest, 7), Fault)


def test_many_resets_do_not_use_up_memory(guest: IcicleMachine) -> None:
    """An engine that forgets no page would have none left."""
    for _ in range(60):
        guest.write(AN386.filters.base, bytes([1]) * AN386.filters.size)
        guest.reset()
    assert guest.run(BUDGET) is IDLE
    assert guest.read(AN386.filters.base, 1) == b"\0"


def test_memory_that_is_not_there_is_the_hosts_mistake(guest: IcicleMachine) -> None:
    with pytest.raises(EmulatorError, match="no memory at 0x30000000"):
        guest.read(0x30000000, 4)
    with pytest.raises(EmulatorError, match="no memory at 0x30000000"):
        guest.write(0x30000000, b"1234")


def test_a_missing_package_is_one_clear_line(misbehaving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icicle", None)
    with pytest.raises(EmulatorError, match=r"icicle-emu is missing or unusable .*make setup"):
        IcicleMachine(AN386, load_image(misbehaving, AN386))

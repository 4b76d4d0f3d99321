# SPDX-License-Identifier: GPL-2.0-or-later
"""Single steps: every instruction once, the registers that a whole run ends with, and nothing left of them behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from emulator.machine import Machine
from emulator.steps import CAPACITY, FLAGS_MASK, Row, Steps, current_row
from emulator.stop import IDLE, Fault

BUDGET = 1_000_000


@pytest.fixture
def guest(misbehaving: Path) -> Iterator[Machine]:
    machine = Machine(AN386, load_image(misbehaving, AN386))
    assert machine.run(BUDGET) is IDLE
    yield machine
    machine.close()


def choose(machine: Machine, what: int) -> None:
    machine.write(AN386.window.base, what.to_bytes(4, "little"))


def walk(machine: Machine) -> list[Row]:
    steps = Steps(machine.task)
    rows = [steps.registers]
    while steps.stop is None:
        steps.step()
        rows.append(steps.registers)
    assert steps.stop is IDLE
    steps.step()
    assert steps.registers == rows[-1]
    steps.close()
    steps.close()
    return rows


@pytest.mark.parametrize("what", [0, 11])
def test_steps_end_where_a_run_ends_and_count_what_it_counts(guest: Machine, what: int) -> None:
    restore = guest.snapshot()
    choose(guest, what)
    guest.run(BUDGET)
    end, count = current_row(guest.task), guest.instructions
    memory = guest.read(AN386.data.base, AN386.data.size)
    restore()
    choose(guest, what)
    rows = walk(guest)
    assert rows[-1] == end
    assert guest.read(AN386.data.base, AN386.data.size) == memory
    assert len(rows) - 1 == count
    assert (count > CAPACITY) == (what == 11)
    assert all(row[16] & ~FLAGS_MASK == 0 for row in rows)


def test_a_run_behind_steps_takes_none(guest: Machine) -> None:
    choose(guest, 0)
    walk(guest)
    assert guest.run(BUDGET) is IDLE
    first = guest.instructions
    assert walk(guest)[-1] == current_row(guest.task)
    assert guest.run(BUDGET) is IDLE
    assert guest.instructions == first


def test_a_fault_is_the_end_of_the_steps(guest: Machine) -> None:
    choose(guest, 5)
    steps = Steps(guest.task)
    while steps.stop is None:
        row = steps.registers
        steps.step()
    assert isinstance(steps.stop, Fault)
    assert steps.stop.kind == "undefined instruction"
    assert steps.registers[15] == row[15] == steps.stop.registers.pc
    steps.close()

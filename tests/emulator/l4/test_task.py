# SPDX-License-Identifier: GPL-2.0-or-later
"""A task by itself: its address space and its states."""

from __future__ import annotations

import mmap

import pytest

from emulator.board import AN386, Region
from emulator.errors import EmulatorError
from emulator.l4.system import System
from emulator.l4.task import Task
from emulator.peripherals.uart import Uart
from emulator.stop import IDLE, Breakpoint, Fault

BUDGET = 10_000


@pytest.fixture
def gateway(hostile: System) -> Task:
    return hostile.tasks["gateway"]


def test_grants_are_what_the_board_says_by_address(hostile: System) -> None:
    for layout in AN386.tasks:
        expected = sorted(AN386.grants(layout), key=lambda region: region.base)
        assert list(hostile.tasks[layout.name].grants) == expected


def test_a_task_reads_its_own_memory_alone(gateway: Task) -> None:
    assert len(gateway.read(AN386.window.base, 16)) == 16
    with pytest.raises(EmulatorError, match="task gateway has no memory at 0x21804000"):
        gateway.read(AN386.key_storage.base, 4)
    with pytest.raises(EmulatorError, match="task gateway has no memory"):
        gateway.read(AN386.window.end - 2, 4)
    assert gateway.region_at(AN386.window.end - 4, 4) == AN386.window
    assert gateway.region_at(AN386.stack.base) is None


def test_overlapping_grants_are_refused(gateway: Task) -> None:
    before = gateway.grants
    page = memoryview(mmap.mmap(-1, 4096))
    with pytest.raises(EmulatorError, match="task gateway: more overlaps window, which it was granted before"):
        gateway.map_memory(Region("more", AN386.window.end - 4096, 4096, "rw"), page)
    with pytest.raises(EmulatorError, match="task gateway: device overlaps gateway utcb"):
        gateway.map_device(Region("device", AN386.gateway.utcb.base, 4096, "rw"), Uart())
    assert gateway.grants == before


def test_states(hostile: System, gateway: Task) -> None:
    assert gateway.state == "idle"
    hostile.write(AN386.window.base + 0x204, (6).to_bytes(4, "little"))
    assert isinstance(gateway.run(BUDGET), Fault)
    assert gateway.state == "faulted"
    gateway.reset()
    assert gateway.state == "running"
    assert gateway.run(BUDGET) is IDLE
    assert gateway.state == "idle"


def test_a_task_at_a_breakpoint_is_running(gateway: Task) -> None:
    address = gateway.image.symbols["attack"].address
    gateway.cpu.add_breakpoint(address)
    try:
        assert gateway.run(BUDGET) == Breakpoint(address)
        assert gateway.state == "running"
        assert gateway.run(BUDGET) is IDLE
    finally:
        gateway.cpu.clear_breakpoints()


def test_restore_brings_back_what_the_task_wrote(hostile: System, gateway: Task) -> None:
    restore = gateway.snapshot()
    served = AN386.window.base + 0x20C
    assert gateway.run(BUDGET) is IDLE
    assert hostile.read(served, 4) == b"\x01\0\0\0"
    restore()
    assert hostile.read(served, 4) == bytes(4)

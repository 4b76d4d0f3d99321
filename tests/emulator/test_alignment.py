# SPDX-License-Identifier: GPL-2.0-or-later
"""Unaligned accesses: what each core traps, by the engine or by the check of the native core, and how it is told."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.board import AN383, AN386, Board, Region
from emulator.cpu import EXCEPTION_DATA_ABORT, Cpu, lib
from emulator.image import load_image
from emulator.machine import Machine
from emulator.stop import IDLE, Fault

CODE = Region("code", 0x1000, 0x1000, "rx")
DATA = Region("data", 0x8000, 0x2000, "rw")
UNALIGNED = DATA.base + 5

WFI = {"thumb": "30bf", "arm": "03f020e3"}

GUEST = """
#include <stdint.h>
#define WORD(at) (*(volatile uint32_t *)(at))
__attribute__((noinline)) static void touch(uintptr_t at) { WORD(at) = WORD(at) + 1; }
__attribute__((noreturn)) void reset(void)
{
    touch(0x20006000u);
    __asm__ volatile("wfi");
    touch(0x20006006u);
    for (;;) __asm__ volatile("wfi");
}
__attribute__((section(".vectors"), used)) const uintptr_t vectors[2] = {0x20005000u, (uintptr_t)reset};
"""


def run(model: str, code: str, checked: bool) -> Cpu:
    """`code` (hex) with r1 unaligned, then WFI; the run's end is in `last`."""
    cpu = Cpu(model, until=CODE.end - 4)
    for region in (CODE, DATA):
        memory = memoryview(mmap.mmap(-1, region.size))
        cpu.grant(region, memory)
        if region is CODE:
            whole = bytes.fromhex(code + WFI[cpu.state])
            memory[: len(whole)] = whole
    if checked:
        cpu.check_alignment()
    cpu.set_registers({"pc": CODE.base, "sp": DATA.end, "r1": UNALIGNED})
    return cpu


# Core, instruction, whether hardware traps it.
CASES = {
    "ldr on M0+": ("cortex-m0plus", "0868", True),
    "ldr on M4": ("cortex-m4", "0868", False),
    "strh on M7": ("cortex-m7", "0880", False),
    "ldrb on A15": ("cortex-a15", "0000d1e5", False),
    "ldm on M4": ("cortex-m4", "01c9", True),
    "stm.w on M33": ("cortex-m33", "81e80500", True),
    "ldrd on M7": ("cortex-m7", "d1e90002", True),
    "strd on M3": ("cortex-m3", "c1e90002", True),
    "ldr on A15": ("cortex-a15", "000091e5", True),
    "stm on A7": ("cortex-a7", "050081e8", True),
}


@pytest.mark.parametrize("name", CASES)
def test_what_hardware_traps_ends_a_checked_run(name: str) -> None:
    model, code, trapped = CASES[name]
    cpu = run(model, code, checked=True)
    assert cpu.run(10) == (lib.CORE_EXCEPTION if trapped else lib.CORE_IDLE)
    if trapped:
        assert cpu.exception_number == EXCEPTION_DATA_ABORT
        assert cpu.registers().pc == CODE.base
        # The core that traps by itself does not say where; the fault's text finds it (below).
        assert cpu.unaligned_address == (None if model == "cortex-m0plus" else UNALIGNED)
    cpu.close()


@pytest.mark.parametrize("name", [name for name, (model, _, _) in CASES.items() if model != "cortex-m0plus"])
def test_a_run_that_asks_for_no_check_passes(name: str) -> None:
    """What the engine does: it is why there is a check."""
    model, code, _ = CASES[name]
    cpu = run(model, code, checked=False)
    assert cpu.run(10) == lib.CORE_IDLE
    cpu.close()


def test_the_check_leaves_if_then_blocks_alone() -> None:
    # cmp r0, r0; ite eq; streq r0, [r1]; strne r0, [r1]; b next; next: movs r3, #1; movs r4, #1
    cpu = run("cortex-m4", "80420cbf08600860ffe701230124", checked=True)
    assert cpu.run(100) == lib.CORE_IDLE
    registers = cpu.registers()
    assert (registers.r3, registers.r4, cpu.instructions) == (1, 1, 8)
    cpu.close()


def machine(build_elf: Callable[..., Path], board: Board) -> Machine:
    elf = build_elf({"main.c": GUEST}, f"-mcpu={board.cpu}")
    return Machine(board, load_image(elf, board))


def test_a_core_that_traps_everything_faults_with_address_and_line(build_elf: Callable[..., Path]) -> None:
    made = machine(build_elf, AN383)
    assert made.run(10_000) is IDLE
    stop = made.run(10_000)
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address) == ("unaligned access", 0x2000_6006)
    assert stop.call_chain[0].startswith("touch")
    assert "main.c:4" in stop.call_chain[0]
    made.close()


def test_another_core_does_the_same_access(build_elf: Callable[..., Path]) -> None:
    made = machine(build_elf, AN386)
    made.cpu.check_alignment()
    assert [made.run(10_000), made.run(10_000)] == [IDLE, IDLE]
    made.close()

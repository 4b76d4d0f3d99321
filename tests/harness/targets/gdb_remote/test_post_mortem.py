# SPDX-License-Identifier: GPL-2.0-or-later
"""Fault registers and stacked frames, laid out by hand after the ARMv7-M architecture."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from emulator.symbols import Symbols
from harness.targets.gdb_remote import post_mortem

SP = 0x2000_4F00
STATUS = 0xE000_ED28


def memory(cfsr: int, mmfar: int = 0, bfar: int = 0, xpsr: int = 0x0100_0000, pc: int = 0x64) -> dict[int, bytes]:
    frame = struct.pack("<8I", 10, 11, 12, 13, 14, 0xFFFF_FFFF, pc, xpsr)
    return {SP: frame, STATUS: struct.pack("<5I", cfsr, 0x4000_0000, 0, mmfar, bfar)}


def registers(exception: int, lr: int = 0xFFFF_FFF9) -> dict[str, int]:
    return {f"r{number}": 0 for number in range(13)} | {"sp": SP, "lr": lr, "pc": 0x44, "xpsr": exception}


@pytest.fixture
def symbols(firmware: Path) -> Symbols:
    return Symbols(load_image(firmware, AN386))


@pytest.mark.parametrize(
    ("cfsr", "kind", "address", "detail"),
    [
        (1 << 16, "undefined instruction", None, "HardFault: undefined instruction"),
        (1 << 9 | 1 << 15, "processor exception", 0x4001_0000, "HardFault: bus error on data"),
        (1 << 1 | 1 << 7, "processor exception", 0x4002_0000, "HardFault: data access violation"),
        (0, "processor exception", None, "HardFault: no cause recorded"),
    ],
)
def test_causes(symbols: Symbols, cfsr: int, kind: str, address: int | None, detail: str) -> None:
    held = memory(cfsr, mmfar=0x4002_0000, bfar=0x4001_0000)
    fault = post_mortem.fault(registers(3), lambda place, size: held.get(place), symbols)
    assert (fault.kind, fault.address) == (kind, address)
    assert fault.detail.startswith(detail)
    assert fault.registers.pc == 0x64
    assert any(frame.startswith("reset") and "boards/startup.c" in frame for frame in fault.call_chain)


@pytest.mark.parametrize(
    ("lr", "xpsr", "size"),
    [(0xFFFF_FFF9, 0, 32), (0xFFFF_FFF9, 1 << 9, 36), (0xFFFF_FFE9, 0, 104), (0xFFFF_FFE9, 1 << 9, 108)],
)
def test_the_stack_pointer_behind_the_exception(lr: int, xpsr: int, size: int) -> None:
    held = memory(0, xpsr=xpsr)
    before = post_mortem.before(registers(15, lr), lambda place, _: held.get(place))
    assert (before["sp"], before["r12"], before["lr"]) == (SP + size, 14, 0xFFFF_FFFF)


def test_a_stack_that_is_not_there_is_no_error(symbols: Symbols) -> None:
    fault = post_mortem.fault(registers(3), lambda place, size: None, symbols)
    assert fault.registers.pc == 0

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from emulator.debuginfo.operands import operand_address

REGISTERS = {f"r{i}": 0x10 * i for i in range(13)} | {"sp": 0x2000, "lr": 1, "pc": 0x100}


@pytest.mark.parametrize(
    ("code", "address"),
    [
        ("0868", 0x10),  # ldr r0, [r1]
        ("4a68", 0x14),  # ldr r2, [r1, #4]
        ("8a5c", 0x30),  # ldrb r2, [r1, r2]
        ("01c9", 0x10),  # ldmia r1!, {r0}
        ("0198", 0x2004),  # ldr r0, [sp, #4]
        ("0148", 0x108),  # ldr r0, [pc, #4]
        ("d1e90202", 0x18),  # ldrd r0, r2, [r1, #8]
        ("51f8040b", 0x10),  # ldr r0, [r1], #4
        ("51f82200", 0x90),  # ldr r0, [r1, r2, lsl #2]
        ("91e80500", 0x10),  # ldm.w r1, {r0, r2}
        ("00bf", None),  # nop
        ("", None),
    ],
)
def test_thumb_state(code: str, address: int | None) -> None:
    assert operand_address(bytes.fromhex(code), "thumb", REGISTERS) == address


@pytest.mark.parametrize(
    ("code", "address"),
    [
        ("040091e5", 0x14),  # ldr r0, [r1, #4]
        ("040091e4", 0x10),  # ldr r0, [r1], #4
        ("020111e7", 0x10 - 0x80),  # ldr r0, [r1, -r2, lsl #2]
        ("050091e8", 0x10),  # ldm r1, {r0, r2}
        ("04009fe5", 0x10C),  # ldr r0, [pc, #4]
        ("a20091e7", None),  # ldr r0, [r1, r2, lsr #1]: not told
        ("0000a0e1", None),  # mov r0, r0
    ],
)
def test_arm_state(code: str, address: int | None) -> None:
    expected = None if address is None else address % (1 << 32)
    assert operand_address(bytes.fromhex(code), "arm", REGISTERS) == expected

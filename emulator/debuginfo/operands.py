# SPDX-License-Identifier: GPL-2.0-or-later
"""Where an instruction accesses memory: of a refused one the engine says nothing but its program counter."""

from __future__ import annotations

from collections.abc import Mapping

import capstone
from capstone import arm

from emulator.board import ADDRESS_LIMIT
from emulator.processor import State

LONGEST_INSTRUCTION = 4

DECODER_MODES: dict[State, int] = {
    "thumb": capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS,
    "arm": capstone.CS_MODE_ARM,
}
# How far the program counter is ahead of the instruction that reads it (ARMv7-M ARM, A5.1.2; ARMv7-A ARM, A2.3).
_AHEAD: dict[State, int] = {"thumb": 4, "arm": 8}
_NAMES = {"r13": "sp", "r14": "lr", "r15": "pc", "sb": "r9", "sl": "r10", "fp": "r11", "ip": "r12"}


def operand_address(code: bytes, state: State, registers: Mapping[str, int]) -> int | None:
    """The address of the memory operand of the instruction that `code` begins with; None where it has none.

    `registers` holds r0 to r12, sp, lr and pc, the address of the instruction, as they are before it. Of several words
    this is where the base register points.
    """
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, DECODER_MODES[state])
    decoder.detail = True
    instruction = next(decoder.disasm(code, registers["pc"], 1), None)
    if instruction is None:
        return None

    def value(number: int) -> int:
        name = instruction.reg_name(number)
        name = _NAMES.get(name, name)
        return registers[name] + _AHEAD[state] if name == "pc" else registers[name]

    for operand in instruction.operands:
        if operand.type == arm.ARM_OP_MEM:
            memory = operand.mem
            if operand.shift.type not in (arm.ARM_SFT_INVALID, arm.ARM_SFT_LSL):
                return None
            index = memory.scale * (value(memory.index) << operand.shift.value) if memory.index else 0
            index = -index if operand.subtracted else index
            moved = 0 if instruction.post_index else memory.disp + index
            return int(value(memory.base) + moved) % ADDRESS_LIMIT
    several = any(word in instruction.mnemonic for word in ("ldm", "stm"))
    return value(instruction.operands[0].reg) if several else None

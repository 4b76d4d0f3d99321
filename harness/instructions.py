# SPDX-License-Identifier: GPL-2.0-or-later
"""Single instructions of an image: their text, whether an If-Then block may skip them, and what they store to."""

from __future__ import annotations

from typing import Any

from emulator.image import Image

_IF_THEN_BYTES = 16  # an If-Then block has at most four instructions of at most four bytes
_NAMES = {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
_SIZES = {"strb": 1, "strh": 2, "strd": 8}
_WORD = 4


class Code:
    """The code of an image, by address."""

    def __init__(self, image: Image) -> None:
        import capstone  # here alone: most that import this module never take a step

        self._image = image
        self._memory_operand = capstone.arm.ARM_OP_MEM
        self._decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
        self._decoder.detail = True

    def at(self, address: int, size: int = 4) -> bytes:
        """At most `size` bytes; none where the image has no code."""
        for segment in self._image.segments:
            if segment.virtual_address <= address < segment.end:
                return segment.data[address - segment.virtual_address :][:size]
        return b""

    def text(self, address: int) -> str:
        """The instruction at `address`, as an assembler would want it, without the condition of an If-Then block."""
        instruction = self._decode(address)
        if instruction is None:
            return f".inst {self.at(address, 2).hex()}"
        return f"{instruction.mnemonic} {instruction.op_str}".rstrip()

    def in_if_then_block(self, address: int) -> bool:
        """Whether an IT instruction before `address` governs it (ARMv7-M ARM, A7.7.38)."""
        for start in range(address - 2, address - 2 - _IF_THEN_BYTES - 1, -2):
            halfword = int.from_bytes(self.at(start, 2), "little")
            mask = halfword & 0xF
            if halfword & 0xFF00 != 0xBF00 or not mask:
                continue
            governed = start + 2
            for _ in range(4 - ((mask & -mask).bit_length() - 1)):
                if governed == address:
                    return True
                # Five bits tell instructions of two halfwords (A5.1).
                governed += 4 if int.from_bytes(self.at(governed, 2), "little") >> 11 >= 0x1D else 2
        return False

    def stores(self, address: int, registers: tuple[int, ...]) -> range:
        """The addresses that the instruction at `address` writes when it sees `registers`; empty where it is no store.

        `registers` begins with r0 to r12, sp, lr. Of several registers' stores (STM, PUSH) the range is exact too.
        """
        instruction = self._decode(address)
        if instruction is None:
            return range(0)
        operands = instruction.operands
        name = instruction.mnemonic.split(".")[0]

        def value(register: int) -> int:
            if not register:
                return 0
            called = instruction.reg_name(register)
            return registers[_NAMES[called] if called in _NAMES else int(called[1:])]

        if name.startswith("str"):
            memory = next((each for each in operands if each.type == self._memory_operand), None)
            if memory is None:
                return range(0)
            before = 0 if instruction.post_index else memory.mem.disp
            start = value(memory.mem.base) + (value(memory.mem.index) << memory.shift.value) + before
            return range(start & 0xFFFF_FFFF, (start & 0xFFFF_FFFF) + _SIZES.get(name[:4], _WORD))
        if name == "push" or name.startswith("stm"):
            base = registers[_NAMES["sp"]] if name == "push" else value(operands[0].reg)
            size = _WORD * (len(operands) - (name != "push"))
            down = name == "push" or name.startswith("stmdb")
            return range(base - size, base) if down else range(base, base + size)
        return range(0)

    def _decode(self, address: int) -> Any:
        return next(self._decoder.disasm(self.at(address), address, 1), None)

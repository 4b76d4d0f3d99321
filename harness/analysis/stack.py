# SPDX-License-Identifier: GPL-2.0-or-later
"""How deep the stack grows: the lowest stack pointer, not the lowest byte written.

The firmware wipes its dead stack, so a painted stack tells nothing afterwards; and what a function reserves without
touching it is needed all the same, as an interrupt stores its frame below it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from unicorn import arm_const
from unicorn import unicorn_const as const

from emulator.image import Image
from emulator.machine import Machine
from emulator.processor import State


class StackGauge:
    """Measures the stack of whatever its machine runs between `with` and the block's end.

    A code hook reads the stack pointer behind each instruction that can lower it, and only there: exact, and the rest
    of the code runs at full speed. Whole blocks would not do, as a function of one block has no border to look at.
    The interrupts that a board may add on top are not in the measure; the emulator has none.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._hooks: list[int] = []
        self._lowest = 0
        self.reset()

    def __enter__(self) -> StackGauge:
        engine = self._machine.cpu.engine
        on_site = self._observer()
        for address in lowering_sites(self._machine.image, self._machine.cpu.state):
            self._hooks.append(engine.hook_add(const.UC_HOOK_CODE, on_site, begin=address, end=address))
        # Code that was translated before would not call the hooks.
        self._machine.cpu.forget_translations()
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            self._machine.cpu.engine.hook_del(hook)
        self._hooks.clear()
        self._machine.cpu.forget_translations()

    def reset(self) -> None:
        """Measure anew, from the stack pointer as it stands; a core of A profile has none before its first code."""
        pointer, top = self._machine.cpu.registers().sp, self._machine.board.stack.end
        self._lowest = pointer or top

    @property
    def deepest(self) -> int:
        """Bytes between the stack's top and the lowest stack pointer since `reset`."""
        return self._machine.board.stack.end - self._lowest

    def _observer(self) -> Callable[..., None]:
        read = self._machine.cpu.engine.reg_read
        register = arm_const.UC_ARM_REG_SP

        def observe(*_: object) -> None:
            pointer = read(register)
            if pointer < self._lowest:
                self._lowest = pointer

        return observe


def lowering_sites(image: Image, state: State = "thumb") -> tuple[int, ...]:
    """Addresses behind the instructions that can lower the stack pointer, ascending.

    Every halfword of the code, or word of ARM state, is taken for the start of an instruction. What is none (the second
    half of one, a constant between functions) may add an address, which does no harm: looking too often finds the same
    minimum.
    """
    sites: set[int] = set()
    for segment in image.segments:
        if segment.access == "rx" and state == "arm":
            words = struct.unpack_from(f"<{len(segment.data) // 4}I", segment.data)
            first = segment.virtual_address
            sites |= {first + 4 * index + 4 for index, word in enumerate(words) if lowers_in_arm_state(word)}
        elif segment.access == "rx":
            count = len(segment.data) // 2
            halfwords = struct.unpack_from(f"<{count}H", segment.data)
            for index, (first, second) in enumerate(zip(halfwords, (*halfwords[1:], 0), strict=True)):
                size = lowering_size(first, second)
                if size:
                    sites.add(segment.virtual_address + 2 * index + size)
    return tuple(sorted(sites))


def lowers_in_arm_state(word: int) -> bool:
    """Whether an instruction of ARM state can lower the stack pointer; those that `lowering_size` looks for.

    Encodings: ARMv7-A Architecture Reference Manual, A5.2 to A5.6, whatever the condition.
    """
    return (
        word & 0x0FFF_0000 == 0x092D_0000  # STMDB SP!, PUSH
        or word & 0x0DBF_0000 == 0x052D_0000  # STR, STRB [SP, #-immediate]! or [SP, -register]!
        or word & 0x0FBF_0090 == 0x012D_0090  # STRH, STRD [SP, -..]!
        or word & 0x0FBF_0E00 == 0x0D2D_0A00  # VPUSH
        or word & 0x0C00_F000 == 0x0000_D000  # data processing to SP
    )


def lowering_size(first: int, second: int) -> int:
    """Bytes of the instruction in two halfwords if it can lower the stack pointer, else 0.

    Encodings: ARMv7-M Architecture Reference Manual, A5.2 and A5.3. Not looked for is what sets the pointer outright (a
    load, MSR): that changes stacks, and does not grow one.
    """
    narrow = (
        first & 0xFE00 == 0xB400  # PUSH
        or first & 0xFF80 == 0xB080  # SUB SP, #immediate
        or first & 0xFD87 == 0x4485  # ADD or MOV to SP from a register
    )
    if narrow:
        return 2
    writes_back = second & 0x0F00 == 0x0D00  # pre-indexed, by a negative offset
    to_sp = second & 0x8F00 == 0x0D00  # bit 15 is set in branches
    wide = (
        first == 0xE92D  # STMDB SP!
        or first == 0xE96D  # STRD [SP, #-immediate]!
        or first & 0xFFBF == 0xED2D  # VPUSH
        or (first & 0xFF9F == 0xF80D and writes_back)  # STRB, STRH, STR [SP, #-immediate]!
        or (first & 0xF800 == 0xF000 and to_sp)  # data processing, immediate
        or (first & 0xFE00 == 0xEA00 and to_sp)  # data processing, shifted register
    )
    return 4 if wide else 0

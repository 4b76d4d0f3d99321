# SPDX-License-Identifier: GPL-2.0-or-later
"""The conditional branches of an image, and the code among its data: what branch coverage is measured against.

A conditional branch is an instruction behind which one of several ways is gone: B<cond>, CBZ and CBNZ, the table
branches TBB and TBH, and whatever a condition of its own (ARM state) or an If-Then block makes conditional of what
writes the program counter. Conditional instructions that go nowhere are no branches: in the machine's flow of control
nothing tells whether their condition held.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import capstone
from capstone import arm

from emulator import elf
from emulator.debuginfo.dwarf import Range
from emulator.debuginfo.operands import DECODER_MODES
from emulator.image import Image
from emulator.processor import State


@dataclass(frozen=True, slots=True)
class Way:
    """One way behind a branch: to `target`, or to anywhere but the next instruction where `target` is None."""

    label: str
    target: int | None


@dataclass(frozen=True, slots=True)
class Branch:
    """The conditional branch at `address`, its last byte before `end`, and its ways: two, or a table's."""

    address: int
    end: int
    mnemonic: str
    ways: tuple[Way, ...]


class Code:
    """Where an image has instructions, by the assembler's mapping symbols ($a, $t and $d, AAELF32 5.5.5).

    `state` is what they are instructions of: an image is for one.

    Without such symbols, executable sections count as code altogether, and no branches are known: they could be data.
    """

    def __init__(self, image: Image) -> None:
        self._sections = [section for section in image.sections if section.allocated and section.executable]
        self._contents = image.contents
        symbols = sorted(_mapping_symbols(image))
        marks = [(address, kind != "$d") for address, kind in symbols]
        self.mapped = bool(marks)
        self.state: State = "arm" if any(kind == "$a" for _address, kind in symbols) else "thumb"
        self.ranges: tuple[Range, ...] = tuple(
            (start, end)
            for section in self._sections
            for start, end, is_code in _parts(section.address, section.end, marks)
            if is_code
        )

    def overlap(self, start: int, end: int) -> Iterator[Range]:
        """The parts of `start` to before `end` that are code."""
        position = max(0, bisect_right(self.ranges, start, key=lambda part: part[0]) - 1)
        for low, high in self.ranges[position:]:
            if low >= end:
                return
            if high > start:
                yield max(low, start), min(high, end)

    def bytes_at(self, start: int, end: int) -> bytes:
        """What the file has at these addresses of one executable section; less where the section ends before."""
        for section in self._sections:
            if section.in_file and section.address <= start < section.end:
                offset = section.offset + start - section.address
                return self._contents[offset : offset + min(end, section.end) - start]
        return b""

    def data_behind(self, address: int) -> bytes:
        """The data between `address` and the code that follows it."""
        position = bisect_right(self.ranges, address - 1, key=lambda part: part[0])
        return self.bytes_at(address, self.ranges[position][0]) if position < len(self.ranges) else b""


def branches(code: Code) -> tuple[Branch, ...]:
    """Every conditional branch, by address."""
    if not code.mapped:
        return ()
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, DECODER_MODES[code.state])
    decoder.detail = True
    decoder.skipdata = True
    found: list[Branch] = []
    for start, end in code.ranges:
        for instruction in decoder.disasm(code.bytes_at(start, end), start):
            ways = _ways(code, instruction)
            # One way alone decides nothing: a branch to the next instruction, for one.
            if len(ways) > 1:
                after = instruction.address + instruction.size
                found.append(Branch(instruction.address, after, instruction.mnemonic, ways))
    return tuple(found)


def _ways(code: Code, instruction: capstone.CsInsn) -> tuple[Way, ...]:
    if instruction.id == 0:  # skipped: no instruction that the decoder knows
        return ()
    after = instruction.address + instruction.size
    if instruction.id in (arm.ARM_INS_TBB, arm.ARM_INS_TBH):
        return _table_ways(code, after, 1 if instruction.id == arm.ARM_INS_TBB else 2)
    compares = instruction.id in (arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ)
    if not compares and (instruction.cc in (arm.ARM_CC_AL, arm.ARM_CC_INVALID) or not _leaves(instruction)):
        return ()
    operands = instruction.operands
    direct = operands and operands[-1].type == arm.ARM_OP_IMM and (compares or _is_jump(instruction))
    target = int(operands[-1].imm) & 0xFFFF_FFFE if direct else None
    return () if target == after else (Way("taken", target), Way("not taken", after))


def _is_jump(instruction: capstone.CsInsn) -> bool:
    return bool(instruction.group(capstone.CS_GRP_JUMP) or instruction.group(capstone.CS_GRP_CALL))


def _leaves(instruction: capstone.CsInsn) -> bool:
    return _is_jump(instruction) or arm.ARM_REG_PC in instruction.regs_access()[1]


def _table_ways(code: Code, table: int, size: int) -> tuple[Way, ...]:
    """The distinct targets of a table of half distances, which lies behind the branch (ARMv7-M ARM, A7.7.182).

    What fills it up to a halfword would lead into the table itself, and is left out.
    """
    data = code.data_behind(table)
    distances = (int.from_bytes(data[at : at + size], "little") for at in range(0, len(data) - size + 1, size))
    targets = {table + 2 * distance for distance in distances}
    return tuple(Way(f"to {target:#x}", target) for target in sorted(targets) if target >= table + len(data))


def _mapping_symbols(image: Image) -> Iterator[tuple[int, str]]:
    """Addresses from which on there is code of ARM state ($a), of Thumb state ($t), or data ($d)."""
    source = elf.Source(image.path, image.contents)
    for record in elf.read_symbols(source, elf.read_section_headers(source, elf.read_header(source))):
        kind = record.name.split(".")[0]
        if kind in ("$a", "$t", "$d"):
            yield record.value & ~1, kind


def _parts(start: int, end: int, marks: list[tuple[int, bool]]) -> Iterator[tuple[int, int, bool]]:
    """A section cut at its mapping symbols; what lies before the first is data, or code where there are none."""
    within = [mark for mark in marks if start <= mark[0] < end]
    cuts = [(start, not marks), *within, (end, False)]
    for (low, is_code), (high, _) in pairwise(cuts):
        if low < high:
            yield low, high, is_code

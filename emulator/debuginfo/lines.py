# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses -> source lines and inlined calls, one compile unit at a time, each decoded when it is first asked for."""

from __future__ import annotations

import posixpath
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.lineprogram import LineProgram, LineState

from emulator.debuginfo.dwarf import DAMAGE, Range, number, pc_ranges, text, units


class SourceLine(NamedTuple):
    """A line of a source file; `file` is relative to the directory of the compilation where it lies below it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LineRange(NamedTuple):
    """The code from `start` to before `end` comes from `source`."""

    start: int
    end: int
    source: SourceLine


class InlinedCall(NamedTuple):
    """A call of `function` at the line `caller` that was compiled into the calling function."""

    function: str
    caller: SourceLine | None


class FunctionCode(NamedTuple):
    """One place where the code of `function` is: its own, or where it was compiled into another function.

    `source` is its declaration. `entry` is the lowest address for want of a better one.
    """

    function: str
    source: SourceLine
    entry: int
    ranges: tuple[Range, ...]


class SourceMap:
    """Source lines and inlined calls of an image. What the DWARF does not say, or says damaged, is None or empty.

    `is_code` tells real addresses from those of functions that the linker dropped: their debug information stays
    behind, moved to address 0.
    """

    def __init__(self, dwarf: DWARFInfo, is_code: Callable[[int], bool]) -> None:
        self._dwarf = dwarf
        self._is_code = is_code

    def line_at(self, address: int) -> SourceLine | None:
        """The source line of the instruction at `address`."""
        unit = self._unit_at(address)
        return unit.line_at(address) if unit else None

    def inlined_at(self, address: int) -> tuple[InlinedCall, ...]:
        """The inlined calls that the instruction at `address` belongs to, innermost first."""
        unit = self._unit_at(address)
        return unit.inlined_at(address) if unit else ()

    def line_ranges(self) -> tuple[LineRange, ...]:
        """All code with its lines, by address."""
        return tuple(sorted(row for unit in self._units for row in unit.rows))

    def functions(self) -> tuple[FunctionCode, ...]:
        """The code of all functions that say where they are declared; one that was inlined is there several times."""
        found = (place for unit in self._units for place in unit.functions)
        return tuple(sorted(found, key=lambda place: (place.source, place.function, place.entry)))

    @cached_property
    def _units(self) -> list[_Unit]:
        return [_Unit(unit, self._is_code) for unit in units(self._dwarf)]

    @cached_property
    def _ranges(self) -> list[tuple[int, int, int]]:
        ranges = [(start, end, index) for index, unit in enumerate(self._units) for start, end in unit.ranges]
        return sorted(ranges)

    def _unit_at(self, address: int) -> _Unit | None:
        position = bisect_right(self._ranges, address, key=lambda entry: entry[0]) - 1
        if position < 0 or address >= self._ranges[position][1]:
            return None
        return self._units[self._ranges[position][2]]


class _Body(NamedTuple):
    """The code of a function, its own or inlined at the line `caller`."""

    inlined: bool
    function: str
    declared: SourceLine | None
    caller: SourceLine | None
    entry: int | None
    ranges: list[Range]


class _InlineSite(NamedTuple):
    ranges: list[Range]
    call: InlinedCall


class _Unit:
    """One compile unit."""

    def __init__(self, unit: CompileUnit, is_code: Callable[[int], bool]) -> None:
        self._unit = unit
        self._is_code = is_code

    @cached_property
    def ranges(self) -> list[Range]:
        with suppress(*DAMAGE):
            return pc_ranges(self._unit.get_top_DIE())
        return []

    def line_at(self, address: int) -> SourceLine | None:
        position = bisect_right(self.rows, address, key=lambda row: row.start) - 1
        if position < 0 or address >= self.rows[position].end:
            return None
        return self.rows[position].source

    def inlined_at(self, address: int) -> tuple[InlinedCall, ...]:
        # Entries come in the tree's order, so that what is nested deeper stands further back.
        calls = [site.call for site in self._inline_sites if any(low <= address < high for low, high in site.ranges)]
        return tuple(reversed(calls))

    @cached_property
    def rows(self) -> list[LineRange]:
        rows: list[LineRange] = []
        with suppress(*DAMAGE):
            if self._program is not None:
                for sequence in _sequences(self._program):
                    if self._is_code(sequence[0].address):
                        rows.extend(self._ranges_of(sequence))
        rows.sort()
        return rows

    def _ranges_of(self, sequence: list[LineState]) -> Iterator[LineRange]:
        for row, following in pairwise(sequence):
            # Of several rows for one address the last counts, as in addr2line; line 0 is code without a line.
            if row.address < following.address and row.line > 0:
                source = self._source_line(row.file, row.line)
                if source is not None:
                    yield LineRange(row.address, following.address, source)

    @property
    def functions(self) -> Iterator[FunctionCode]:
        for body in self._bodies:
            # What was inlined and came to no instructions has an empty range.
            ranges = tuple((low, high) for low, high in body.ranges if low < high)
            if body.declared is not None and ranges:
                entry = min(low for low, _high in ranges)
                if body.entry is not None and any(low <= body.entry < high for low, high in ranges):
                    entry = body.entry
                yield FunctionCode(body.function, body.declared, entry, ranges)

    @cached_property
    def _inline_sites(self) -> list[_InlineSite]:
        return [
            _InlineSite(body.ranges, InlinedCall(body.function, body.caller)) for body in self._bodies if body.inlined
        ]

    @cached_property
    def _bodies(self) -> list[_Body]:
        bodies: list[_Body] = []
        with suppress(*DAMAGE):
            kept = False
            for die in self._unit.iter_DIEs():
                if die.tag == "DW_TAG_subprogram":
                    kept = any(self._is_code(start) for start, _end in pc_ranges(die))
                if die.tag in ("DW_TAG_subprogram", "DW_TAG_inlined_subroutine") and kept:
                    bodies.append(self._body(die))
        return bodies

    def _body(self, die: DIE) -> _Body:
        entry = die.attributes.get("DW_AT_entry_pc")
        return _Body(
            inlined=die.tag == "DW_TAG_inlined_subroutine",
            function=text(die, "DW_AT_name") or "?",
            declared=self._line_of(die, "DW_AT_decl_file", "DW_AT_decl_line"),
            caller=self._line_of(die, "DW_AT_call_file", "DW_AT_call_line"),
            entry=entry.value if entry is not None and entry.form == "DW_FORM_addr" else None,
            ranges=pc_ranges(die),
        )

    def _line_of(self, die: DIE, file_attribute: str, line_attribute: str) -> SourceLine | None:
        file, line = number(die, file_attribute), number(die, line_attribute)
        return self._source_line(file, line) if file is not None and line is not None else None

    @cached_property
    def _program(self) -> LineProgram | None:
        with suppress(*DAMAGE):
            offset = number(self._unit.get_top_DIE(), "DW_AT_stmt_list")
            section = self._unit.dwarfinfo.debug_line_sec
            if offset is not None and section is not None:
                section.stream.seek(0)
                if _header_is_bounded(section.stream.read(), offset):
                    return self._unit.dwarfinfo.line_program_for_CU(self._unit)
        return None

    def _source_line(self, file: int, line: int) -> SourceLine | None:
        name = self._files.get(file)
        return SourceLine(name, line) if name is not None else None

    @cached_property
    def _files(self) -> dict[int, str]:
        """The unit's file names by number: from 0 in DWARF 5, from 1 before."""
        if self._program is None:
            return {}
        header = self._program.header
        directory = text(self._unit.get_top_DIE(), "DW_AT_comp_dir") or ""
        directories = [_decode(entry) for entry in header["include_directory"]]
        first = 0 if header["version"] >= 5 else 1
        if first:
            directories.insert(0, directory)
        names: dict[int, str] = {}
        for index, entry in enumerate(header["file_entry"], first):
            with suppress(*DAMAGE):
                path = posixpath.join(directory, directories[entry["dir_index"] or 0], _decode(entry["name"]))
                names[index] = _relative(path, directory)
        return names


def _decode(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _relative(path: str, directory: str) -> str:
    path, directory = posixpath.normpath(path), posixpath.normpath(directory)
    return path.removeprefix(directory + "/")


def _sequences(program: LineProgram) -> Iterator[list[LineState]]:
    """Runs of rows with growing addresses, each with its end as the last one."""
    sequence: list[LineState] = []
    for entry in program.get_entries():
        if entry.state is None:
            continue
        sequence.append(entry.state)
        if entry.state.end_sequence:
            if all(row.address <= following.address for row, following in pairwise(sequence)):
                yield sequence
            sequence = []


_FORM_SIZES = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0E: 4, 0x1F: 4}  # data1 to data16, strp, line_strp
_FORM_UDATA = 0x0F


def _header_is_bounded(section: bytes, offset: int) -> bool:
    """True if the directory and file tables of a line program's header end inside the section.

    DWARF 5 (section 6.2.4) lets a header state any number of entries of no bytes each, and pyelftools would build them.
    Only the forms that compilers use for these tables are accepted. DWARF 4 and before end their tables by a NUL.
    """
    (version,) = struct.unpack_from("<H", section, offset + 4)
    if version < 5:
        return True
    (opcode_base,) = struct.unpack_from("<B", section, offset + 17)
    position = offset + 18 + max(0, opcode_base - 1)
    for _table in range(2):
        format_count = section[position]
        position += 1
        forms: list[int] = []
        for _entry in range(format_count):
            _content_type, position = _uleb(section, position)
            form, position = _uleb(section, position)
            forms.append(form)
        count, position = _uleb(section, position)
        if not forms or count > len(section):
            return False
        for _entry in range(count):
            for form in forms:
                if form == _FORM_UDATA:
                    _value, position = _uleb(section, position)
                else:
                    position += _FORM_SIZES[form]
            if position > len(section):
                return False
    return True


def _uleb(data: bytes, position: int) -> tuple[int, int]:
    """An unsigned LEB128 number of at most ten bytes and the position behind it. Raises IndexError or ValueError."""
    value = 0
    for index in range(10):
        byte = data[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a LEB128 number has no end")

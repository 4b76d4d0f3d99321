# SPDX-License-Identifier: GPL-2.0-or-later
"""Names for addresses and addresses for names: functions, variables, source lines, call chains.

Names come from the ELF symbol table, the rest from DWARF (`emulator.debuginfo`), which is read when first needed. Where
DWARF is missing or damaged the answers hold less; only asking for a name that does not exist raises.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import NamedTuple

from elftools.dwarf.dwarfinfo import DWARFInfo

from emulator.debuginfo.dwarf import open_dwarf
from emulator.debuginfo.frames import MAX_DEPTH, CallFrames, ReadMemory
from emulator.debuginfo.lines import FunctionCode, LineRange, SourceLine, SourceMap
from emulator.debuginfo.types import MemberAddress, Types
from emulator.errors import SymbolError
from emulator.image import Image, Symbol, SymbolKind


class SymbolOffset(NamedTuple):
    """A place inside a function or a variable, `offset` bytes behind its start."""

    symbol: Symbol
    offset: int

    def __str__(self) -> str:
        return f"{self.symbol.name}+{self.offset:#x}" if self.offset else self.symbol.name


@dataclass(frozen=True, slots=True)
class Frame:
    """One function of a call chain.

    `address` is the program counter: of the instruction that stopped in the innermost frame, the return address in the
    others. An inlined function shares the frame of the function that it was compiled into and has no offset of its own.
    """

    address: int
    function: str | None
    offset: int | None
    source: SourceLine | None
    inlined: bool

    def __str__(self) -> str:
        if self.function is None:
            return f"{self.address:#010x}"
        name = f"{self.function}+{self.offset:#x}" if self.offset else self.function
        remarks = [str(self.source)] if self.source else []
        remarks += ["inlined"] if self.inlined else []
        return f"{name} ({', '.join(remarks)})" if remarks else name


class Symbols:
    """The names of one image. Addresses carry no Thumb bit; one that has it is taken without it."""

    def __init__(self, image: Image) -> None:
        self.image = image

    # ---- names -> addresses ----

    def symbol(self, name: str) -> Symbol:
        """The symbol called `name`, or `file.c:name` for a local one. Raises SymbolError."""
        if name in self.image.symbols:
            return self.image.symbols[name]
        file, _colon, plain = name.rpartition(":")
        named = [symbol for symbol in self.image.all_symbols if symbol.name == plain]
        found = [symbol for symbol in named if not file or symbol.file == file.rpartition("/")[2]]
        if len(found) == 1:
            return found[0]
        if found:
            files = ", ".join(sorted({symbol.file or "?" for symbol in found}))
            raise SymbolError(f"symbol {name} is defined {len(found)} times ({files}), write file.c:{plain}")
        close = get_close_matches(plain, self.image.symbols, n=3)
        advice = f"did you mean {' or '.join(close)}?" if close else "does the linker drop it?"
        raise SymbolError(f"{self.image.path} has no symbol {name}; {advice}")

    def address(self, name: str) -> int:
        """The address of the symbol called `name`. Raises SymbolError."""
        return self.symbol(name).address

    def member_address(self, path: str) -> MemberAddress:
        """Address and size of a variable or a part of it, such as `keys[2].state.count`. Raises SymbolError."""
        return self._types.member_address(path)

    # ---- addresses -> names ----

    def function_at(self, address: int) -> SymbolOffset | None:
        """The function that holds `address`."""
        return self._functions.at(address & ~1)

    def data_symbol_at(self, address: int) -> SymbolOffset | None:
        """The variable that holds the byte at `address`."""
        return self._objects.at(address)

    def line_at(self, address: int) -> SourceLine | None:
        """The source line of the instruction at `address`; of inlined code the innermost one."""
        return self._sources.line_at(address & ~1)

    def line_ranges(self) -> tuple[LineRange, ...]:
        """All code that has source lines, by address. Reads the line tables of the whole image."""
        return self._sources.line_ranges()

    def function_code(self) -> tuple[FunctionCode, ...]:
        """Where the code of each declared function is, its own and inlined. Reads the whole image's DWARF."""
        return self._sources.functions()

    def describe(self, address: int) -> str:
        """`gcm_encrypt+0x1c (crypto/gcm.c:120)`, or less where less is known, at worst the address alone."""
        address &= ~1
        function = self.function_at(address)
        if function is None:
            return f"{address:#010x}"
        source = self.line_at(address)
        return f"{function} ({source})" if source else str(function)

    def frames_at(self, address: int, call: int | None = None) -> tuple[Frame, ...]:
        """The function at `address`, behind the functions inlined there, innermost first.

        `call` is an address inside the instruction to look up where that is not `address`: for a return address the
        call before it.
        """
        address &= ~1
        place = address if call is None else call
        function = self.function_at(place)
        if function is None:
            return (Frame(address, None, None, None, inlined=False),)
        source = self.line_at(place)
        frames: list[Frame] = []
        for inlined in self._sources.inlined_at(place):
            frames.append(Frame(address, inlined.function, None, source, inlined=True))
            source = inlined.caller
        offset = address - function.symbol.address
        frames.append(Frame(address, function.symbol.name, offset, source, inlined=False))
        return tuple(frames)

    def call_chain(self, registers: Mapping[str, int], read_memory: ReadMemory) -> tuple[Frame, ...]:
        """Who called whom, innermost first, inlined functions included, at most MAX_DEPTH frames.

        `registers` maps r0 to r12, sp, lr, pc to values; `read_memory(address, size)` returns bytes or None, or raises
        EmulatorError. A corrupt stack shortens the chain.
        """
        frames: list[Frame] = []
        for depth, address in enumerate(self._call_frames.unwind(registers, read_memory)):
            frames.extend(self.frames_at(address, address - 1 if depth else None))
        return tuple(frames[:MAX_DEPTH])

    # ---- tables, built when first needed ----

    @cached_property
    def _functions(self) -> _SymbolTable:
        return _SymbolTable(self.image, "function")

    @cached_property
    def _objects(self) -> _SymbolTable:
        return _SymbolTable(self.image, "object")

    @cached_property
    def _dwarf(self) -> DWARFInfo:
        return open_dwarf(self.image)

    @cached_property
    def _sources(self) -> SourceMap:
        return SourceMap(self._dwarf, self._is_function)

    @cached_property
    def _call_frames(self) -> CallFrames:
        return CallFrames(self._dwarf, self._is_function)

    @cached_property
    def _types(self) -> Types:
        return Types(self._dwarf, lambda address: self._objects.at(address) is not None)

    def _is_function(self, address: int) -> bool:
        return self._functions.at(address) is not None


class _SymbolTable:
    """The symbols of one kind by address, one for each address."""

    def __init__(self, image: Image, kind: SymbolKind) -> None:
        # Several names for one address: the widest first, then global before local, then by name.
        symbols = [symbol for symbol in image.all_symbols if symbol.kind == kind]
        symbols.sort(key=lambda symbol: (symbol.address, -symbol.size, symbol.scope == "local", symbol.name))
        by_address: dict[int, Symbol] = {}
        for symbol in symbols:
            by_address.setdefault(symbol.address, symbol)
        self._symbols = list(by_address.values())
        self._starts = list(by_address)
        self._image = image

    def at(self, address: int) -> SymbolOffset | None:
        """The symbol that holds `address`."""
        position = bisect_right(self._starts, address) - 1
        if position < 0:
            return None
        symbol = self._symbols[position]
        end = symbol.address + symbol.size if symbol.size else self._end_of_sizeless(position)
        return SymbolOffset(symbol, address - symbol.address) if address < end else None

    def _end_of_sizeless(self, position: int) -> int:
        """Assembly without .size reaches to the next symbol or to the end of its section."""
        start = self._starts[position]
        section = next(
            (part for part in self._image.sections if part.allocated and part.address <= start < part.end), None
        )
        end = section.end if section else start
        return min(end, *self._starts[position + 1 : position + 2], end)

# SPDX-License-Identifier: GPL-2.0-or-later
"""ELF file -> Image: what to load where, what is called what, where it starts.

`emulator.elf` has checked each record against the file; here the records are checked against each other and against the
board's memory map. Nothing of a file that contradicts itself is used.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from emulator import elf
from emulator.board import ADDRESS_LIMIT, Access, Board, TaskMap
from emulator.elf import Header, ProgramHeader, SectionHeader, Source, SymbolRecord
from emulator.errors import ImageError

SymbolKind = Literal["function", "object", "label"]
SymbolScope = Literal["global", "weak", "local"]
_KINDS: Mapping[int, SymbolKind] = {elf.STT_NOTYPE: "label", elf.STT_OBJECT: "object", elf.STT_FUNC: "function"}
_SCOPES: Mapping[int, SymbolScope] = {0: "local", 1: "global", 2: "weak"}
# Which of several symbols a name means: the strongest.
_PRECEDENCE: tuple[SymbolScope, ...] = ("global", "weak", "local")

_LINK = "correct the linker script"
_MAP = "correct the linker script or the board's memory map"
_ENTRY = "name a function with ENTRY()"
_NOTE = struct.Struct("<III")
_NT_GNU_BUILD_ID = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """One loadable segment.

    `data` goes to `load_address` (p_paddr); the program uses it at `virtual_address`. Where the two differ the start-up
    code copies. The `memory_size` - len(`data`) bytes behind the copy are not loaded: the start-up code sets them.
    """

    load_address: int
    virtual_address: int
    data: bytes = field(repr=False)
    memory_size: int
    access: Access

    @property
    def end(self) -> int:
        """First virtual address behind the segment."""
        return self.virtual_address + self.memory_size

    @property
    def load_end(self) -> int:
        """First load address behind the data."""
        return self.load_address + len(self.data)


@dataclass(frozen=True, slots=True)
class Section:
    """`size` bytes, at `address` in memory if `allocated`, at `offset` in the file if `in_file`."""

    name: str
    address: int
    size: int
    offset: int
    allocated: bool
    writable: bool
    executable: bool
    in_file: bool
    compressed: bool

    @property
    def end(self) -> int:
        """First address behind the section."""
        return self.address + self.size


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name with its address (Thumb bit cleared) and size in bytes; `file` is the source of a local one.

    A label has no type: it comes from assembly or from the linker script.
    """

    name: str
    address: int
    size: int
    kind: SymbolKind
    scope: SymbolScope
    file: str | None


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What the file says of its making: compilers (.comment) and the linker's build id in hexadecimal, if any."""

    compilers: tuple[str, ...]
    build_id: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """A checked firmware image, for one board where one was given.

    `entry` has its Thumb bit cleared, where it has one, as all addresses here. `symbols` maps every name that means one
    thing: a global goes before a weak one, that before a local one; local names used twice are only in `all_symbols`.
    """

    path: Path
    sha256: str
    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...] = field(repr=False)
    symbols: Mapping[str, Symbol] = field(repr=False)
    all_symbols: tuple[Symbol, ...] = field(repr=False)
    build: BuildInfo
    contents: bytes = field(repr=False)

    def section(self, name: str) -> Section | None:
        """The first section called `name`."""
        return next((section for section in self.sections if section.name == name), None)

    def section_data(self, name: str) -> bytes:
        """The section's bytes in the file; empty where there are none."""
        section = self.section(name)
        if section is None or not section.in_file:
            return b""
        return self.contents[section.offset : section.offset + section.size]

    def loaded(self, address: int, size: int) -> bytes | None:
        """What is loaded at an address; None where that is not all in one segment's data."""
        for segment in self.segments:
            if segment.load_address <= address and address + size <= segment.load_end:
                return segment.data[address - segment.load_address :][:size]
        return None


def load_image(path: Path | str, board: Board | None, task: TaskMap | None = None) -> Image:
    """Read and check the ELF file for a task of `board`, by default the service. Raises ImageError.

    Without a board the file is checked against itself alone.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path}: is no regular file, give the path of an ELF file")
        with path.open("rb") as stream:
            # One byte more than is allowed, so that the size check sees a file that is too large.
            contents = stream.read(elf.MAX_FILE_SIZE + 1)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}), check path and permissions") from error
    except ValueError as error:
        raise ImageError(f"{str(path)!r}: is no path ({error}), give the path of an ELF file") from error
    return parse_image(contents, path, board, task)


def parse_image(contents: bytes, path: Path, board: Board | None, task: TaskMap | None = None) -> Image:
    """Check the bytes of an ELF file as `load_image` does; `path` only names it. Raises ImageError."""
    source = Source(path, contents)
    header = elf.read_header(source)
    place = None if board is None else _Place(board, task or board.service)
    thumb = board is None or board.processor.state == "thumb"
    segments = _segments(source, elf.read_program_headers(source, header), place)
    section_headers = elf.read_section_headers(source, header)
    sections = tuple(_section(name, entry) for name, entry in section_headers)
    _check_sections(source, sections, segments)
    all_symbols = tuple(_symbols(source, elf.read_symbols(source, section_headers), sections, thumb))
    return Image(
        path=path,
        sha256=hashlib.sha256(contents).hexdigest(),
        entry=_entry(source, header, segments, thumb),
        segments=segments,
        sections=tuple(section for section in sections if section.name),
        symbols=MappingProxyType(_unambiguous(all_symbols)),
        all_symbols=all_symbols,
        build=_build_info(source, sections),
        contents=contents,
    )


class _Place(NamedTuple):
    """Which task's memory the image is for."""

    board: Board
    task: TaskMap

    def __str__(self) -> str:
        return f"board {self.board.name}, task {self.task.name}"


def _segments(source: Source, headers: tuple[ProgramHeader, ...], place: _Place | None) -> tuple[Segment, ...]:
    segments: dict[int, Segment] = {}
    for index, header in enumerate(headers):
        if header.type in (elf.PT_DYNAMIC, elf.PT_INTERP, elf.PT_TLS):
            raise source.error(f"segment {index}: p_type", f"{header.type} needs a dynamic loader", "link statically")
        if header.type == elf.PT_LOAD and (header.memsz or header.filesz):
            segments[index] = _segment(source, f"segment {index}:", header)
            if place is not None:
                _check_place(source, f"segment {index}:", segments[index], place)
    if not segments:
        raise source.error("program header table", "has nothing to load", _LINK)
    for (one, a), (two, b) in permutations(segments.items(), 2):
        in_memory = a.virtual_address < b.end and b.virtual_address < a.end
        in_load = a.load_address < b.load_end and b.load_address < a.load_end
        load_into_memory = bool(a.data) and a.load_address < b.end and b.virtual_address < a.load_end
        if in_memory or (a.data and b.data and in_load) or load_into_memory:
            raise source.error(f"segment {one}", f"overlaps segment {two}", _LINK)
    return tuple(segments.values())


def _segment(source: Source, name: str, header: ProgramHeader) -> Segment:
    if header.filesz > header.memsz:
        raise source.error(f"{name} p_filesz", f"{header.filesz:#x} is over p_memsz {header.memsz:#x}")
    if header.flags & elf.PF_W and header.flags & elf.PF_X:
        raise source.error(f"{name} p_flags", "ask for memory that is writable and executable", _LINK)
    access: Access = "rw" if header.flags & elf.PF_W else "rx" if header.flags & elf.PF_X else "r"
    data = source.take(header.offset, header.filesz, f"{name} p_offset + p_filesz")
    # Without data there is nothing to load, and linkers fill p_paddr with whatever is at hand.
    load_address = header.paddr if data else header.vaddr
    return Segment(load_address, header.vaddr, data, header.memsz, access)


def _check_place(source: Source, name: str, segment: Segment, place: _Place) -> None:
    """The segment's memory and its load image lie in the task's image regions, the memory with fitting access.

    Where it has no data to load, it may be the room that an image reserves for what the loader fills.
    """
    shared = place.board.shared(place.task) if place.task.reserves_shared and not segment.data else ()
    ranges = (
        (f"{name} p_vaddr", segment.virtual_address, segment.end, segment.access),
        (f"{name} p_paddr", segment.load_address, segment.load_end, "r"),
    )
    for field_name, start, end, access in ranges:
        address = start
        while address < end:
            regions = (*place.task.image_regions, *shared)
            region = next((region for region in regions if region.contains(address)), None)
            where = f"{start:#010x} to {end:#010x}"
            if region is None:
                problem = f"{where} leaves the image regions of {place}, at {address:#010x}"
                raise source.error(field_name, problem, _MAP)
            if region not in shared and not set(access) <= set(region.access):
                problem = f"{where} wants {access} where region {region.name} of {place} is {region.access}"
                raise source.error(field_name, problem, _MAP)
            address = region.end


def _check_state(source: Source, field_name: str, address: int, thumb: bool, advice: str) -> None:
    """A function's address has bit 0 set in Thumb state, clear in ARM state (AAELF32, 5.5.3)."""
    if thumb and not address & 1:
        raise source.error(field_name, f"{address:#010x} has no Thumb bit", advice)
    if not thumb and address & 1:
        raise source.error(field_name, f"{address:#010x} has the Thumb bit, the board executes ARM state", advice)


def _entry(source: Source, header: Header, segments: tuple[Segment, ...], thumb: bool) -> int:
    address = header.entry & ~1
    _check_state(source, "e_entry", header.entry, thumb, _ENTRY)
    for segment in segments:
        if segment.access == "rx" and segment.virtual_address <= address < segment.virtual_address + len(segment.data):
            return address
    raise source.error("e_entry", f"{address:#010x} is in no executable segment", _ENTRY)


def _section(name: str, header: SectionHeader) -> Section:
    return Section(
        name=name,
        address=header.addr,
        size=header.size,
        offset=header.offset,
        allocated=bool(header.flags & elf.SHF_ALLOC),
        writable=bool(header.flags & elf.SHF_WRITE),
        executable=bool(header.flags & elf.SHF_EXECINSTR),
        in_file=header.in_file,
        compressed=bool(header.flags & elf.SHF_COMPRESSED),
    )


def _check_sections(source: Source, sections: tuple[Section, ...], segments: tuple[Segment, ...]) -> None:
    """What a section says is in memory must be in a segment: otherwise nobody would load it."""
    for section in sections:
        if not section.name or not section.allocated or not section.size:
            continue
        if not any(part.virtual_address <= section.address and section.end <= part.end for part in segments):
            where = f"{section.address:#010x} to {section.end:#010x} is in no segment"
            raise source.error(f"section {section.name}: sh_addr", where, _LINK)


def _symbols(
    source: Source, records: Iterable[SymbolRecord], sections: tuple[Section, ...], thumb: bool
) -> Iterator[Symbol]:
    file: str | None = None
    for record in records:
        if record.type == elf.STT_FILE:
            file = record.name or None
            continue
        # Names that begin with $ are ARM's mapping symbols ($a, $d, $t): they tell code from data and name nothing.
        nameless = not record.name or record.name.startswith("$")
        if not nameless and record.type != elf.STT_SECTION and record.section != elf.SHN_UNDEF:
            yield _symbol(source, record, sections, file, thumb)


def _symbol(
    source: Source, record: SymbolRecord, sections: tuple[Section, ...], file: str | None, thumb: bool
) -> Symbol:
    name = f"symbol {record.name}:"
    kind, scope = _KINDS.get(record.type), _SCOPES.get(record.binding)
    if kind is None or scope is None:
        raise source.error(f"{name} st_info", f"has type {record.type}, binding {record.binding}: one is unknown")
    if record.section >= elf.SHN_LORESERVE and record.section != elf.SHN_ABS:
        raise source.error(f"{name} st_shndx", f"{record.section:#x} has no meaning in an executable")
    address = record.value
    if kind == "function":
        _check_state(source, f"{name} st_value", address, thumb, "build with -mthumb" if thumb else "build with -marm")
        address &= ~1
    end = address + record.size
    if end > ADDRESS_LIMIT:
        raise source.error(f"{name} st_value + st_size", f"is {end:#x}, beyond 32 bits")
    if kind != "label" and record.section != elf.SHN_ABS:
        section = sections[record.section]
        if address < section.address or end > section.end:
            raise source.error(f"{name} st_value", f"{address:#010x} to {end:#010x} leaves section {section.name}")
    return Symbol(record.name, address, record.size, kind, scope, file if scope == "local" else None)


def _unambiguous(symbols: tuple[Symbol, ...]) -> dict[str, Symbol]:
    groups: dict[str, list[Symbol]] = {}
    for symbol in symbols:
        groups.setdefault(symbol.name, []).append(symbol)
    chosen: dict[str, Symbol] = {}
    for name, group in groups.items():
        strongest = min(_PRECEDENCE.index(symbol.scope) for symbol in group)
        winners = [symbol for symbol in group if _PRECEDENCE.index(symbol.scope) == strongest]
        if len(winners) == 1:
            chosen[name] = winners[0]
    return chosen


def _build_info(source: Source, sections: tuple[Section, ...]) -> BuildInfo:
    by_name = {section.name: section for section in sections if section.in_file}
    compilers: tuple[str, ...] = ()
    if comment := by_name.get(".comment"):
        texts = source.take(comment.offset, min(comment.size, elf.MAX_NAME), ".comment").split(b"\0")
        compilers = tuple(dict.fromkeys(text.decode("ascii", "replace") for text in texts if text))
    note = by_name.get(".note.gnu.build-id")
    return BuildInfo(compilers, _build_id(source, note) if note else None)


def _build_id(source: Source, note: Section) -> str:
    name = f"section {note.name}"
    if note.size < _NOTE.size:
        raise source.error(name, f"has {note.size} bytes, too few for a note")
    name_size, size, kind = _NOTE.unpack(source.take(note.offset, _NOTE.size, name))
    start = _NOTE.size + 4  # the name is "GNU" and a NUL
    if name_size != 4 or kind != _NT_GNU_BUILD_ID or start + size > note.size:
        raise source.error(name, "holds no build id")
    return source.take(note.offset + start, size, name).hex()

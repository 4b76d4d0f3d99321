# SPDX-License-Identifier: GPL-2.0-or-later
"""The records of a 32-bit ARM ELF executable, every field checked against the file before it is used.

The formats are those of the System V ABI, chapters 4 (object files) and 5 (program loading). pyelftools is left to
DWARF alone: here it would follow offsets and counts before anybody has checked them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emulator.board import ADDRESS_LIMIT
from emulator.errors import ImageError

MAX_FILE_SIZE = 64 << 20
MAX_NAME = 4096
_MAX_SEGMENTS = 64
_MAX_SECTIONS = 4096
_MAX_SYMBOLS = 1 << 18

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS = 1, 2, 3, 7
PF_X, PF_W = 1, 2
SHT_NULL, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS = 0, 2, 3, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_COMPRESSED = 1, 2, 4, 0x800
SHN_UNDEF, SHN_LORESERVE, SHN_ABS = 0, 0xFF00, 0xFFF1
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = range(5)
_ET_EXEC, _EM_ARM, _EABI_VERSION = 2, 40, 5

REBUILD = "the file is damaged or cut short, build it again"
_BUILD_FOR_ARM = "build for Cortex-M with arm-none-eabi-gcc"

_IDENT_SIZE = 16
_EHDR = struct.Struct("<HHIIIIIHHHHHH")
_PHDR = struct.Struct("<8I")
_SHDR = struct.Struct("<10I")
_SYM = struct.Struct("<IIIBBH")


class Header(NamedTuple):
    """Elf32_Ehdr behind e_ident."""

    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class ProgramHeader(NamedTuple):
    """Elf32_Phdr."""

    type: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    flags: int
    align: int


class SectionHeader(NamedTuple):
    """Elf32_Shdr."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int

    @property
    def in_file(self) -> bool:
        """True if the section has bytes in the file."""
        return self.type not in (SHT_NULL, SHT_NOBITS)


class SymbolRecord(NamedTuple):
    """Elf32_Sym with its name and with st_info split."""

    name: str
    value: int
    size: int
    type: int
    binding: int
    section: int


@dataclass(frozen=True, slots=True)
class Source:
    """The file's bytes, with checked access."""

    path: Path
    contents: bytes

    def error(self, name: str, problem: str, remedy: str = REBUILD) -> ImageError:
        """The exception to raise: one line, whatever the strings in the file hold."""
        text = " ".join(f"{self.path}: {name} {problem}: {remedy}".split())
        return ImageError("".join(letter if letter.isprintable() else "?" for letter in text))

    def take(self, offset: int, size: int, name: str) -> bytes:
        """`size` bytes from `offset`. Raises ImageError where the file ends before."""
        if offset + size > len(self.contents):
            raise self.error(name, f"reaches to {offset + size:#x}, behind the file's end {len(self.contents):#x}")
        return self.contents[offset : offset + size]

    def string(self, table: SectionHeader, offset: int, name: str) -> str:
        """The NUL-terminated string at `offset` in a string table. Raises ImageError."""
        if offset >= table.size:
            raise self.error(name, f"{offset:#x} is behind the end of its string table ({table.size:#x})")
        start = table.offset + offset
        end = self.contents.find(b"\0", start, min(table.offset + table.size, start + MAX_NAME))
        if end < 0:
            raise self.error(name, f"{offset:#x} starts a string without end")
        try:
            return self.contents[start:end].decode("utf-8")
        except UnicodeDecodeError:
            raise self.error(name, f"{offset:#x} starts a string that is no UTF-8") from None


def read_header(source: Source) -> Header:
    """The file header of an ARM executable. Raises ImageError for anything else."""
    if not source.contents:
        raise source.error("size", "is 0", "give an ELF file")
    if len(source.contents) > MAX_FILE_SIZE:
        raise source.error("size", f"{len(source.contents)} is over {MAX_FILE_SIZE} bytes", "strip its debug sections")
    if source.contents[:4] != b"\x7fELF":
        raise source.error("e_ident", "has no ELF magic", "give an ELF file, not a raw binary or hex file")
    ident = source.take(0, _IDENT_SIZE, "e_ident")
    header = Header(*_EHDR.unpack(source.take(_IDENT_SIZE, _EHDR.size, "ELF header")))
    required = (
        ("EI_CLASS", ident[4], 1, "32 bits", _BUILD_FOR_ARM),
        ("EI_DATA", ident[5], 1, "little-endian", _BUILD_FOR_ARM),
        ("EI_VERSION", ident[6], 1, "the current version", REBUILD),
        ("e_machine", header.machine, _EM_ARM, "ARM", _BUILD_FOR_ARM),
        ("e_type", header.type, _ET_EXEC, "an executable", "link it, statically and not position-independent"),
        ("e_version", header.version, 1, "the current version", REBUILD),
        ("e_flags", header.flags >> 24, _EABI_VERSION, "the EABI version", _BUILD_FOR_ARM),
        ("e_ehsize", header.ehsize, _IDENT_SIZE + _EHDR.size, "the header's size", REBUILD),
    )
    for name, value, expected, meaning, remedy in required:
        if value != expected:
            raise source.error(name, f"is {value}, not {expected} ({meaning})", remedy)
    return header


def read_program_headers(source: Source, header: Header) -> tuple[ProgramHeader, ...]:
    """The program header table. Raises ImageError, also where it is empty."""
    if not header.phnum:
        raise source.error("e_phnum", "is 0, there is nothing to load", "link it, an object file does not run")
    _check_table(source, "e_phentsize", header.phentsize, _PHDR.size)
    _check_count(source, "e_phnum", header.phnum, _MAX_SEGMENTS)
    table = source.take(header.phoff, header.phnum * _PHDR.size, "e_phoff")
    headers = tuple(ProgramHeader(*fields) for fields in _PHDR.iter_unpack(table))
    for index, entry in enumerate(headers):
        source.take(entry.offset, entry.filesz, f"segment {index}: p_offset + p_filesz")
    return headers


def read_section_headers(source: Source, header: Header) -> tuple[tuple[str, SectionHeader], ...]:
    """The section header table with each section's name; empty where the file has none. Raises ImageError."""
    if not header.shnum and not header.shoff:
        return ()
    _check_table(source, "e_shentsize", header.shentsize, _SHDR.size)
    _check_count(source, "e_shnum", header.shnum, _MAX_SECTIONS)
    table = source.take(header.shoff, header.shnum * _SHDR.size, "e_shoff")
    headers = [SectionHeader(*fields) for fields in _SHDR.iter_unpack(table)]
    if header.shstrndx >= len(headers) or headers[header.shstrndx].type != SHT_STRTAB:
        raise source.error("e_shstrndx", f"{header.shstrndx} is no string table among {len(headers)} sections")
    names = headers[header.shstrndx]
    source.take(names.offset, names.size, "section name table: sh_offset + sh_size")
    return tuple(_named_section(source, index, entry, names) for index, entry in enumerate(headers))


def read_symbols(source: Source, sections: tuple[tuple[str, SectionHeader], ...]) -> Iterator[SymbolRecord]:
    """The symbol table in its order, undefined symbols included; nothing where the file has none. Raises ImageError."""
    tables = [entry for _name, entry in sections if entry.type == SHT_SYMTAB]
    if not tables:
        return
    if len(tables) > 1:
        raise source.error("section headers", f"hold {len(tables)} symbol tables, not one")
    table = tables[0]
    _check_table(source, "symbol table: sh_entsize", table.entsize, _SYM.size)
    if table.size % _SYM.size:
        raise source.error("symbol table: sh_size", f"{table.size:#x} is no multiple of {_SYM.size}")
    _check_count(source, "symbol table: sh_size / sh_entsize", table.size // _SYM.size, _MAX_SYMBOLS)
    if table.link >= len(sections) or sections[table.link][1].type != SHT_STRTAB:
        raise source.error("symbol table: sh_link", f"{table.link} is no string table among {len(sections)} sections")
    strings = sections[table.link][1]
    entries = source.take(table.offset, table.size, "symbol table: sh_offset + sh_size")
    for index, (name, value, size, info, _other, section) in enumerate(_SYM.iter_unpack(entries)):
        text = source.string(strings, name, f"symbol {index}: st_name") if name else ""
        if len(sections) <= section < SHN_LORESERVE:
            raise source.error(f"symbol {index}: st_shndx", f"is {section}, there are {len(sections)} sections")
        yield SymbolRecord(text, value, size, info & 15, info >> 4, section)


def _check_table(source: Source, name: str, size: int, expected: int) -> None:
    if size != expected:
        raise source.error(name, f"is {size}, not {expected}")


def _check_count(source: Source, name: str, count: int, limit: int) -> None:
    if count > limit:
        raise source.error(name, f"is {count}, over the limit of {limit}")


def _named_section(source: Source, index: int, entry: SectionHeader, names: SectionHeader) -> tuple[str, SectionHeader]:
    if entry.type == SHT_NULL:
        return "", entry
    name = source.string(names, entry.name, f"section {index}: sh_name")
    if entry.in_file:
        source.take(entry.offset, entry.size, f"section {name}: sh_offset + sh_size")
    if entry.flags & SHF_ALLOC and entry.addr + entry.size > ADDRESS_LIMIT:
        raise source.error(f"section {name}: sh_addr + sh_size", f"is {entry.addr + entry.size:#x}, beyond 32 bits")
    return name, entry

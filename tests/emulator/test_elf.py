# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import struct
from pathlib import Path

import pytest

from emulator import elf
from emulator.elf import Source
from emulator.errors import ImageError


@pytest.fixture
def source(sample: Path) -> Source:
    return Source(sample, sample.read_bytes())


def test_records_of_a_real_file(source: Source) -> None:
    header = elf.read_header(source)
    loads = [entry for entry in elf.read_program_headers(source, header) if entry.type == elf.PT_LOAD]
    sections = dict(elf.read_section_headers(source, header))
    symbols = {symbol.name: symbol for symbol in elf.read_symbols(source, tuple(sections.items()))}
    assert len(loads) == 4
    assert sections[".data"].addr == 0x2000_6000
    assert not sections[".bss"].in_file
    assert symbols["reset"].value == header.entry
    assert symbols["slots"].type == elf.STT_OBJECT


def test_error_is_one_printable_line_that_names_file_and_field() -> None:
    error = Source(Path("a\nb.elf"), b"").error("symbol \x1b[31m: st_name", "is odd")
    assert str(error) == f"a b.elf: symbol ?[31m: st_name is odd: {elf.REBUILD}"


def test_take_stays_inside_the_file() -> None:
    source = Source(Path("x"), b"abcd")
    assert source.take(1, 3, "field") == b"bcd"
    assert source.take(4, 0, "field") == b""
    with pytest.raises(ImageError, match="x: field reaches to 0x5, behind the file's end 0x4"):
        source.take(1, 4, "field")


@pytest.mark.parametrize(
    ("table", "offset", "message"),
    [
        (b"ab\0", 3, "behind the end of its string table"),
        (b"ab", 0, "starts a string without end"),
        (b"a" * (elf.MAX_NAME + 1) + b"\0", 0, "starts a string without end"),
        (b"\xff\0", 0, "no UTF-8"),
    ],
)
def test_bad_string_is_refused(table: bytes, offset: int, message: str) -> None:
    entry = elf.SectionHeader(0, elf.SHT_STRTAB, 0, 0, 0, len(table), 0, 0, 0, 0)
    with pytest.raises(ImageError, match=message):
        Source(Path("x"), table).string(entry, offset, "st_name")


def test_string_ends_inside_its_table() -> None:
    entry = elf.SectionHeader(0, elf.SHT_STRTAB, 0, 0, 1, 2, 0, 0, 0, 0)
    with pytest.raises(ImageError, match="without end"):
        Source(Path("x"), b"\0ab\0").string(entry, 0, "st_name")


def test_file_cut_anywhere_in_its_header_is_refused(source: Source) -> None:
    for size in range(16 + struct.calcsize("<HHIIIIIHHHHHH")):
        with pytest.raises(ImageError):
            elf.read_header(Source(source.path, source.contents[:size]))

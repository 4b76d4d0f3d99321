# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.debuginfo.lines import _header_is_bounded
from emulator.image import Image, load_image
from emulator.symbols import Symbols


@pytest.fixture(scope="module", params=[("-gdwarf-5",), ("-gdwarf-4",), ("-gdwarf-5", "-O0"), ("-gdwarf-3", "-Og")])
def program(build_elf: Callable[..., Path], sources: dict[str, str], request: pytest.FixtureRequest) -> Path:
    """Nothing is dropped here: binutils' addr2line takes the dropped functions' lines, moved to 0, for real ones."""
    return build_elf(sources, "-ffunction-sections", *request.param)


def test_every_line_is_what_addr2line_says(program: Path) -> None:
    image = load_image(program, AN386)
    symbols = Symbols(image)
    functions = [symbol for symbol in image.all_symbols if symbol.kind == "function"]
    addresses = [address for symbol in functions for address in range(symbol.address, symbol.address + symbol.size, 2)]
    command = ["arm-none-eabi-addr2line", "-e", str(program), *map(hex, addresses)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(addresses) > 60
    for address, line in zip(addresses, said, strict=True):
        expected = line.split(" (")[0].removeprefix(f"{program.parent}/")
        source = symbols.line_at(address)
        # addr2line says ? for what has no line: literal pools in assembly, for one.
        assert ("?" in expected) if source is None else str(source) == expected, hex(address)


def test_line_ranges_are_the_whole_code_in_order(program: Path) -> None:
    symbols = Symbols(load_image(program, AN386))
    ranges = symbols.line_ranges()
    assert all(low.end <= high.start for low, high in pairwise(ranges))
    assert {entry.source.file for entry in ranges} == {"main.c", "lib/store.c", "leaf.S"}
    assert all(symbols.line_at(entry.start) == entry.source for entry in ranges)


def test_dropped_functions_have_no_lines(sample_image: Image, sources: dict[str, str]) -> None:
    """Their lines stay in the file, moved to address 0, where they cover functions that are there."""
    symbols = Symbols(sample_image)
    lines = sources["lib/store.c"].splitlines()
    first, last = (lines.index(text) + 1 for text in ("    int total = 0;", "    return total;"))
    ranges = symbols.line_ranges()
    assert ranges[0].start == min(symbols.address("middle"), symbols.address("add_one"), symbols.address("store_put"))
    assert not [entry for entry in ranges if entry.source.file == "lib/store.c" and first <= entry.source.line <= last]


def test_functions_are_where_they_are_declared_each_time_they_were_inlined(sample_image: Image) -> None:
    symbols = Symbols(sample_image)
    places = symbols.function_code()
    names = {place.function for place in places}
    assert {"middle", "scaled", "store_put", "store_depth", "reset"} <= names
    assert not {"dropped", "dropped_too"} & names
    for place in places:
        assert any(low <= place.entry < high for low, high in place.ranges)
        frames = symbols.frames_at(place.entry)
        assert place.function in {frame.function for frame in frames}
    (middle,) = (place for place in places if place.function == "middle")
    assert middle.entry == symbols.address("middle")
    scaled = [place for place in places if place.function == "scaled"]
    assert all(place.source.file == "main.c" for place in scaled)
    assert any(middle.ranges[0][0] <= place.entry < middle.ranges[0][1] for place in scaled)


def test_mapped_paths_stay_relative(build_elf: Callable[..., Path], sources: dict[str, str]) -> None:
    path = build_elf(sources)
    again = build_elf(sources, f"-ffile-prefix-map={path.parent}=firmware", "-fdebug-prefix-map=/tmp=/elsewhere")
    symbols = Symbols(load_image(again, AN386))
    assert symbols.describe(symbols.address("store_put")).startswith("store_put (lib/store.c:")


def header(formats: bytes, tables: bytes) -> bytes:
    """A DWARF 5 line program header with one format for both of its tables."""
    body = struct.pack("<HBBIBBBbBB", 5, 4, 0, 0, 2, 1, 1, -5, 14, 1)
    table = formats + tables
    return struct.pack("<I", len(body) + 2 * len(table)) + body + 2 * table


@pytest.mark.parametrize(
    ("formats", "tables", "bounded"),
    [
        (b"\1\1\x1f", b"\1" + bytes(4), True),  # one entry of one line_strp
        (b"\2\1\x1f\2\x0f", b"\2" + 2 * (bytes(4) + b"\x81\0"), True),  # and a number
        (b"\0", b"\xff\xff\xff\xff\x0f", False),  # four thousand million entries of nothing
        (b"\1\1\x1f", b"\xff\xff\x03", False),  # more than the section has bytes
        (b"\1\1\x1f", b"\x14", False),  # they end behind the section
    ],
)
def test_unbounded_tables_are_recognised(formats: bytes, tables: bytes, bounded: bool) -> None:
    assert _header_is_bounded(header(formats, tables), 0) is bounded


def test_endless_file_table_leaves_names_without_lines(sample_image: Image) -> None:
    """pyelftools alone would build the entries one by one, for hours."""
    section = sample_image.section(".debug_line")
    assert section is not None
    contents = bytearray(sample_image.contents)
    evil = header(b"\0", b"\xff\xff\xff\xff\x0f")
    contents[section.offset : section.offset + len(evil)] = evil
    path = sample_image.path.with_name("evil.elf")
    path.write_bytes(contents)
    symbols = Symbols(load_image(path, AN386))
    start = symbols.address("middle")
    assert symbols.describe(start) == "middle"
    assert str(symbols.frames_at(start)[-1]) == "middle"

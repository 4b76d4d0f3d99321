# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emulator import elf
from emulator.board import AN386
from emulator.errors import EmulatorError, ImageError
from emulator.image import Image, load_image, parse_image

# Where the fields lie, written down from the System V ABI and not taken from the code under test.
EHDR = {
    "e_type": (16, "H"),
    "e_machine": (18, "H"),
    "e_version": (20, "I"),
    "e_entry": (24, "I"),
    "e_phoff": (28, "I"),
    "e_shoff": (32, "I"),
    "e_flags": (36, "I"),
    "e_ehsize": (40, "H"),
    "e_phentsize": (42, "H"),
    "e_phnum": (44, "H"),
    "e_shentsize": (46, "H"),
    "e_shnum": (48, "H"),
    "e_shstrndx": (50, "H"),
}
PHDR = dict(zip(("type", "offset", "vaddr", "paddr", "filesz", "memsz", "flags", "align"), range(8), strict=True))
SHDR = dict(
    zip(("name", "type", "flags", "addr", "offset", "size", "link", "info", "align", "entsize"), range(10), strict=True)
)
SYM = {"name": (0, "I"), "value": (4, "I"), "size": (8, "I"), "info": (12, "B"), "shndx": (14, "H")}
TEXT, RODATA, DATA, BSS = range(4)


class Patch:
    """An ELF file to be broken, field by field."""

    def __init__(self, contents: bytes) -> None:
        self.contents = bytearray(contents)

    def header(self, name: str, value: int) -> None:
        offset, code = EHDR[name]
        struct.pack_into(f"<{code}", self.contents, offset, value)

    def get(self, name: str) -> int:
        offset, code = EHDR[name]
        return int(struct.unpack_from(f"<{code}", self.contents, offset)[0])

    def segment(self, index: int, name: str, value: int) -> None:
        struct.pack_into("<I", self.contents, self.get("e_phoff") + 32 * index + 4 * PHDR[name], value)

    def section(self, wanted: str, name: str, value: int) -> None:
        struct.pack_into("<I", self.contents, self.section_at(wanted) + 4 * SHDR[name], value)

    def section_field(self, wanted: str, name: str) -> int:
        return int(struct.unpack_from("<I", self.contents, self.section_at(wanted) + 4 * SHDR[name])[0])

    def section_at(self, wanted: str) -> int:
        table, names = self.get("e_shoff"), self.get("e_shoff") + 40 * self.get("e_shstrndx")
        (strings,) = struct.unpack_from("<I", self.contents, names + 16)
        for offset in range(table, table + 40 * self.get("e_shnum"), 40):
            start = strings + struct.unpack_from("<I", self.contents, offset)[0]
            if self.contents[start : self.contents.index(0, start)] == wanted.encode():
                return offset
        raise KeyError(wanted)

    def symbol(self, wanted: str, name: str, value: int) -> None:
        table, size = self.section_field(".symtab", "offset"), self.section_field(".symtab", "size")
        strings = self.section_field(".strtab", "offset")
        for offset in range(table, table + size, 16):
            start = strings + struct.unpack_from("<I", self.contents, offset)[0]
            if self.contents[start : self.contents.index(0, start)] == wanted.encode():
                struct.pack_into(f"<{SYM[name][1]}", self.contents, offset + SYM[name][0], value)
                return
        raise KeyError(wanted)


def test_segments_are_loaded_where_the_linker_script_says(sample_image: Image) -> None:
    text, rodata, data, bss = sample_image.segments
    assert (text.access, rodata.access, data.access, bss.access) == ("rx", "r", "rw", "rw")
    assert text.load_address == text.virtual_address == 0
    assert data.virtual_address == 0x2000_6000
    assert data.load_address == sample_image.symbols["__data_load"].address >= rodata.load_end
    assert data.memory_size == len(data.data)
    assert bss.data == b""
    assert bss.load_address == bss.virtual_address
    assert bss.end == sample_image.symbols["__bss_end"].address
    assert struct.unpack_from("<II", text.data) == (0x2000_5000, sample_image.entry | 1)


def test_symbols_say_what_is_where(sample_image: Image) -> None:
    reset, slots = sample_image.symbols["reset"], sample_image.symbols["slots"]
    assert (reset.address, reset.kind, reset.scope) == (sample_image.entry, "function", "global")
    assert reset.address % 2 == 0
    assert (slots.kind, slots.size) == ("object", 4 * 168)
    assert sample_image.symbols["__bss_end"].kind == "label"
    assert not [name for name in sample_image.symbols if name.startswith("$")]
    assert "dropped" not in sample_image.symbols


def test_name_used_twice_means_neither(sample_image: Image) -> None:
    assert "twice" not in sample_image.symbols
    twice = [symbol for symbol in sample_image.all_symbols if symbol.name == "twice"]
    assert {symbol.file for symbol in twice} == {"main.c", "store.c"}


def test_image_knows_its_file(sample: Path, sample_image: Image) -> None:
    assert sample_image.path == sample
    assert sample_image.sha256 == hashlib.sha256(sample.read_bytes()).hexdigest()
    assert sample_image.build.build_id is not None
    assert len(sample_image.build.build_id) == 40
    assert sample_image.build.compilers[0].startswith("GCC: ")
    bss = sample_image.section(".bss")
    assert bss is not None
    assert bss.writable
    assert sample_image.section_data(".bss") == b""
    assert sample_image.section_data(".data") == sample_image.segments[DATA].data
    assert sample_image.section(".nothing") is None


def test_stripped_file_loads_without_names(sample: Path) -> None:
    patch = Patch(sample.read_bytes())
    for field in ("e_shoff", "e_shnum", "e_shstrndx"):
        patch.header(field, 0)
    image = parse_image(bytes(patch.contents), sample, AN386)
    assert len(image.segments) == 4
    assert not image.symbols
    assert not image.sections


def cut(size: int) -> Callable[[Patch], None]:
    def apply(patch: Patch) -> None:
        del patch.contents[size:]

    return apply


def ident(index: int, value: int) -> Callable[[Patch], None]:
    return lambda patch: patch.contents.__setitem__(index, value)


def header(name: str, value: int) -> Callable[[Patch], None]:
    return lambda patch: patch.header(name, value)


def segment(index: int, name: str, value: int) -> Callable[[Patch], None]:
    return lambda patch: patch.segment(index, name, value)


def section(wanted: str, name: str, value: int) -> Callable[[Patch], None]:
    return lambda patch: patch.section(wanted, name, value)


def symbol(wanted: str, name: str, value: int) -> Callable[[Patch], None]:
    return lambda patch: patch.symbol(wanted, name, value)


BROKEN: dict[str, tuple[Callable[[Patch], None], str]] = {
    "empty": (cut(0), "size is 0: give an ELF file"),
    "no ELF": (ident(1, 0x45 + 1), "e_ident has no ELF magic"),
    "magic alone": (cut(4), "e_ident reaches to 0x10, behind the file's end 0x4"),
    "half a header": (cut(40), "ELF header reaches to 0x34"),
    "64 bits": (ident(4, 2), "EI_CLASS is 2, not 1 .32 bits.: build for Cortex-M"),
    "big-endian": (ident(5, 2), "EI_DATA is 2, not 1 .little-endian.: build for Cortex-M"),
    "ident version": (ident(6, 0), "EI_VERSION is 0"),
    "x86": (header("e_machine", 62), "e_machine is 62, not 40 .ARM.: build for Cortex-M"),
    "object file": (header("e_type", 1), "e_type is 1, not 2 .an executable.: link it"),
    "shared object": (header("e_type", 3), "e_type is 3, not 2"),
    "version": (header("e_version", 2), "e_version is 2"),
    "old ABI": (header("e_flags", 0x0400_0000), "e_flags is 4, not 5"),
    "header size": (header("e_ehsize", 64), "e_ehsize is 64, not 52"),
    "program header size": (header("e_phentsize", 56), "e_phentsize is 56, not 32"),
    "no program headers": (header("e_phnum", 0), "e_phnum is 0, there is nothing to load"),
    "absurd program headers": (header("e_phnum", 0xFFFF), "e_phnum is 65535, over the limit of 64"),
    "program headers outside": (header("e_phoff", 0xFFFF_FFF0), "e_phoff reaches to .*, behind the file's end"),
    "program headers cut": (cut(52 + 70), "e_phoff reaches to 0xb4"),
    "section header size": (header("e_shentsize", 0), "e_shentsize is 0, not 40"),
    "absurd section headers": (header("e_shnum", 0xFF00), "e_shnum is 65280, over the limit of 4096"),
    "section headers outside": (header("e_shoff", 0x7FFF_FFFF), "e_shoff reaches to .*, behind the file's end"),
    "name table index": (header("e_shstrndx", 0xFFFF), "e_shstrndx 65535 is no string table"),
    "name table type": (header("e_shstrndx", 1), "e_shstrndx 1 is no string table"),
    "entry in RAM": (header("e_entry", 0x2000_6001), "e_entry 0x20006000 is in no executable segment"),
    "entry in constants": (header("e_entry", 0x1001), "e_entry 0x00001000 is in no executable segment"),
    "entry without Thumb bit": (header("e_entry", 0x10), "e_entry 0x00000010 has no Thumb bit"),
    "segment behind the file": (segment(TEXT, "offset", 0x10_0000), "segment 0: p_offset . p_filesz reaches to"),
    "segment longer than file": (segment(DATA, "filesz", 0xFFFF_FFFF), "segment 2: p_offset . p_filesz reaches to"),
    "more file than memory": (segment(DATA, "memsz", 1), "segment 2: p_filesz 0x.* is over p_memsz 0x1"),
    "huge memory": (
        segment(BSS, "memsz", 0xFFFF_FFFF),
        "segment 3: p_vaddr .* leaves the image regions of board an386",
    ),
    "nowhere": (segment(DATA, "vaddr", 0x6000_0000), "segment 2: p_vaddr 0x60000000 .* leaves the image regions"),
    "in the window": (segment(BSS, "vaddr", 0x2181_0000), "segment 3: p_vaddr 0x21810000 .* leaves the image regions"),
    "on the stack guard": (segment(BSS, "vaddr", 0x2000_5FFC), "segment 3: p_vaddr 0x20005ffc .* leaves"),
    "load address nowhere": (segment(DATA, "paddr", 0x0080_0000), "segment 2: p_paddr 0x00800000 .* leaves"),
    "code in RAM": (segment(TEXT, "vaddr", 0x2004_0000), "segment 0: p_vaddr .* wants rx where region bulk .* is rw"),
    "data in ROM": (segment(DATA, "vaddr", 0x0010_0000), "segment 2: p_vaddr .* wants rw where region code .* is rx"),
    "writable code": (segment(TEXT, "flags", 7), "segment 0: p_flags ask for memory that is writable and executable"),
    "overlap": (segment(RODATA, "vaddr", 4), "segment [01] overlaps segment [01]: correct the linker script"),
    "load overlap": (segment(DATA, "paddr", 0x1000), "segment [12] overlaps segment [12]"),
    "loaded over code": (segment(DATA, "paddr", 0), "segment [02] overlaps segment [02]"),
    "loaded over zeroed memory": (segment(DATA, "paddr", 0x2000_6200), "segment [23] overlaps segment [23]"),
    "dynamic": (segment(BSS, "type", 2), "segment 3: p_type 2 needs a dynamic loader: link statically"),
    "interpreter": (segment(BSS, "type", 3), "segment 3: p_type 3 needs a dynamic loader"),
    "nothing loaded": (lambda patch: [patch.segment(i, "type", 4) for i in range(4)] and None, "has nothing to load"),
    "section name": (section(".text", "name", 0xFFFF), "section .: sh_name 0xffff is behind the end"),
    "section outside": (
        section(".debug_info", "offset", 0x00FF_FFFF),
        "section .debug_info: sh_offset . sh_size reach",
    ),
    "section beyond 32 bits": (section(".bss", "size", 0xF000_0000), "section .bss: sh_addr . sh_size is 0x1"),
    "section in no segment": (section(".rodata", "addr", 0x3000), "section .rodata: sh_addr .* is in no segment"),
    "symbol table outside": (section(".symtab", "offset", 0x00FF_FFFF), "section .symtab: sh_offset . sh_size reach"),
    "symbol size": (section(".symtab", "entsize", 24), "symbol table: sh_entsize is 24, not 16"),
    "half a symbol": (section(".symtab", "size", 17), "symbol table: sh_size 0x11 is no multiple of 16"),
    "string table index": (section(".symtab", "link", 99), "symbol table: sh_link 99 is no string table"),
    "string table type": (section(".symtab", "link", 1), "symbol table: sh_link 1 is no string table"),
    "two symbol tables": (section(".comment", "type", 2), "hold 2 symbol tables"),
    "symbol name": (symbol("reset", "name", 0x00FF_FFFF), "st_name 0xffffff is behind the end of its string table"),
    "symbol section": (symbol("reset", "shndx", 77), "st_shndx is 77, there are"),
    "common symbol": (symbol("slots", "shndx", 0xFFF2), "symbol slots: st_shndx 0xfff2 has no meaning"),
    "symbol type": (symbol("slots", "info", 0x1A), "symbol slots: st_info has type 10, binding 1"),
    "symbol binding": (symbol("slots", "info", 0x91), "symbol slots: st_info has type 1, binding 9"),
    "ARM function": (symbol("middle", "value", 0x10), "symbol middle: st_value 0x00000010 has no Thumb bit"),
    "symbol outside section": (symbol("slots", "value", 0x2001_0000), "symbol slots: st_value .* leaves section .data"),
    "symbol too long": (symbol("slots", "size", 0x7FFF_FFFF), "symbol slots: st_value .* leaves section .data"),
    "symbol beyond 32 bits": (symbol("__bss_end", "size", 0xFFFF_FFFF), "symbol __bss_end: st_value . st_size is 0x1"),
    "build id": (section(".note.gnu.build-id", "size", 11), "section .note.gnu.build-id has 11 bytes"),
    "long build id": (section(".note.gnu.build-id", "size", 20), "section .note.gnu.build-id holds no build id"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_in_one_line(sample: Path, case: str) -> None:
    change, message = BROKEN[case]
    patch = Patch(sample.read_bytes())
    change(patch)
    with pytest.raises(ImageError, match=message) as caught:
        parse_image(bytes(patch.contents), Path("service.elf"), AN386)
    assert str(caught.value).startswith("service.elf: ")
    assert "\n" not in str(caught.value)


def test_too_many_symbols_are_refused(sample: Path) -> None:
    patch = Patch(sample.read_bytes())
    table = bytes(16 * ((1 << 18) + 1))
    patch.section(".symtab", "offset", len(patch.contents))
    patch.section(".symtab", "size", len(table))
    with pytest.raises(ImageError, match="is 262145, over the limit of 262144"):
        parse_image(bytes(patch.contents) + table, sample, AN386)


def test_unreadable_paths_are_refused_in_one_line(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    empty = tmp_path / "empty.elf"
    empty.touch()
    cases = {
        tmp_path: "is no regular file",
        pipe: "is no regular file",
        tmp_path / "absent.elf": "cannot be read .No such file or directory., check path",
        empty / "below.elf": "cannot be read .Not a directory.",
        tmp_path / ("x" * 300): "cannot be read .File name too long.",
        Path("nul\0byte"): "is no path",
        empty: "size is 0",
    }
    for path, message in cases.items():
        with pytest.raises(ImageError, match=message):
            load_image(path, AN386)


def test_unreadable_file_is_refused_in_one_line(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, who can read everything: the refusal is made here.
    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match=r"cannot be read \(Permission denied\), check path and permissions"):
        load_image(sample, AN386)


def test_oversized_file_is_refused(tmp_path: Path) -> None:
    huge = tmp_path / "huge.elf"
    with huge.open("wb") as stream:
        stream.truncate(elf.MAX_FILE_SIZE + 1)
    with pytest.raises(ImageError, match="is over 67108864 bytes"):
        load_image(huge, AN386)


def test_image_errors_are_emulator_errors() -> None:
    assert issubclass(ImageError, EmulatorError)


def mangled(contents: bytes, changes: list[tuple[float, int]], kept: float) -> bytes:
    """`contents` with bytes replaced at fractions of its length, cut at the fraction `kept`."""
    data = bytearray(contents)
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    return bytes(data[: int(kept * len(data))])


FRACTIONS = st.floats(0, 1)
CHANGES = st.lists(st.tuples(FRACTIONS, st.integers(0, 255)), min_size=1, max_size=16)


def outcome(contents: bytes) -> None:
    with suppress(ImageError):
        parse_image(contents, Path("fuzzed.elf"), AN386)


@settings(max_examples=400, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, kept=st.one_of(st.just(1.0), FRACTIONS))
@example(changes=[(0.0, 0x7F)], kept=1.0)
def test_random_damage_raises_nothing_but_image_errors(
    sample: Path, changes: list[tuple[float, int]], kept: float
) -> None:
    outcome(mangled(sample.read_bytes(), changes, kept))


@settings(max_examples=400, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, part=st.sampled_from(("headers", "sections", ".symtab", ".strtab", ".note.gnu.build-id")))
def test_damaged_records_raise_nothing_but_image_errors(
    sample: Path, changes: list[tuple[float, int]], part: str
) -> None:
    patch = Patch(sample.read_bytes())
    if part == "headers":
        start, size = 0, 52 + 4 * 32
    elif part == "sections":
        start, size = patch.get("e_shoff"), 40 * patch.get("e_shnum")
    else:
        start, size = patch.section_field(part, "offset"), patch.section_field(part, "size")
    patch.contents[start : start + size] = mangled(bytes(patch.contents[start : start + size]), changes, 1.0)
    outcome(bytes(patch.contents))

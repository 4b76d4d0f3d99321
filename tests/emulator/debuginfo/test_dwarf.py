# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.dwarf.die import DIE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.board import AN386
from emulator.debuginfo.dwarf import DAMAGE, children, open_dwarf, pc_ranges, text, units
from emulator.errors import SymbolError
from emulator.image import Image, load_image, parse_image
from emulator.symbols import Symbols


def test_units_are_the_source_files(sample_image: Image) -> None:
    names = {text(unit.get_top_DIE(), "DW_AT_name") for unit in units(open_dwarf(sample_image))}
    assert names == {"main.c", "lib/store.c", "leaf.S"}


def test_ranges_of_functions_are_their_symbols(sample_image: Image) -> None:
    found = {
        text(die, "DW_AT_name"): pc_ranges(die)
        for unit in units(open_dwarf(sample_image))
        for die in children(unit.get_top_DIE())
        if die.tag == "DW_TAG_subprogram"
    }
    for name in ("middle", "reset", "store_put", "store_depth"):
        symbol = sample_image.symbols[name]
        assert found[name] == [(symbol.address, symbol.address + symbol.size)]


def test_sibling_that_points_back_ends_the_walk(sample_image: Image) -> None:
    """pyelftools alone would walk in a circle."""
    dwarf = open_dwarf(sample_image)
    top = units(dwarf)[0].get_top_DIE()
    victim = next(die for die in children(top) if "DW_AT_sibling" in die.attributes)
    itself = victim.offset - top.cu.cu_offset
    victim.attributes["DW_AT_sibling"] = victim.attributes["DW_AT_sibling"]._replace(raw_value=itself)

    def walk() -> list[DIE]:
        return list(children(top))

    with pytest.raises(DAMAGE):
        walk()


def test_compressed_sections_count_as_absent(build_elf: Callable[..., Path], sources: dict[str, str]) -> None:
    symbols = Symbols(load_image(build_elf(sources, "-gz"), AN386))
    assert symbols.describe(symbols.image.entry) == "reset"


def use(symbols: Symbols, words: list[int]) -> None:
    """Everything that reads DWARF."""
    for name in ("middle", "store_put", "add_one", "reset"):
        symbol = symbols.symbol(name)
        for address in (symbol.address, symbol.address + 2, symbol.address + symbol.size - 2):
            assert symbols.describe(address).startswith(name)
            assert symbols.frames_at(address)[-1].function == name
            state = {"pc": address, "lr": symbols.image.entry + 9, "sp": 0x2000_4000, "r7": 0x2000_4000}
            chain = symbols.call_chain(
                state, lambda place, size: words[place // 4 % len(words)].to_bytes(size, "little")
            )
            assert chain[-1].function is not None
    symbols.line_ranges()
    for path in ("slots[2].state[1].count", "table[1][2]", "puts", "only[0].low", "main.c:twice"):
        try:
            place = symbols.member_address(path)
        except SymbolError:
            continue
        assert 0 <= place.address < place.address + place.size <= 1 << 32


SECTIONS = ("info", "abbrev", "line", "line_str", "str", "frame", "rnglists")


@settings(max_examples=120, deadline=4000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(SECTIONS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    data=st.data(),
)
def test_damaged_dwarf_says_less_and_never_raises(
    sample_image: Image, name: str, changes: list[tuple[float, int]], data: st.DataObject
) -> None:
    section = sample_image.section(f".debug_{name}")
    assert section is not None
    contents = bytearray(sample_image.contents)
    for place, value in changes:
        contents[section.offset + int(place * (section.size - 1))] = value
    image = parse_image(bytes(contents), sample_image.path, AN386)
    code = [symbol.address + 3 for symbol in image.all_symbols if symbol.kind == "function"]
    words = data.draw(st.lists(st.one_of(st.sampled_from(code), st.integers(0, 0xFFFF_FFFF)), min_size=1, max_size=4))
    use(Symbols(image), words)


def test_use_itself_works_on_sound_dwarf(sample_image: Image) -> None:
    use(Symbols(sample_image), [sample_image.entry + 9])

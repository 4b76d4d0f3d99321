# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError, SymbolError
from emulator.image import Image, load_image
from emulator.symbols import Frame, Symbols


@pytest.fixture(scope="module")
def symbols(sample_image: Image) -> Symbols:
    return Symbols(sample_image)


def line_of(sample: Path, file: str, text: str) -> int:
    """The number of the only line of `file` that contains `text`."""
    lines = (sample.parent / file).read_text().splitlines()
    found = [number for number, line in enumerate(lines, 1) if text in line]
    assert len(found) == 1
    return found[0]


def test_names_become_addresses(symbols: Symbols) -> None:
    assert symbols.address("reset") == symbols.image.entry
    assert symbols.symbol("slots").size == 4 * 168


def test_local_name_used_twice_wants_its_file(symbols: Symbols) -> None:
    with pytest.raises(SymbolError, match=r"symbol twice is defined 2 times \(main.c, store.c\), write file.c:twice"):
        symbols.address("twice")
    addresses = {symbols.address("main.c:twice"), symbols.address("lib/store.c:twice")}
    assert len(addresses) == 2
    with pytest.raises(SymbolError, match=r"has no symbol other\.c:twice"):
        symbols.address("other.c:twice")


def test_unknown_name_gets_advice(symbols: Symbols) -> None:
    with pytest.raises(SymbolError, match="has no symbol stor_put; did you mean store_put"):
        symbols.address("stor_put")
    with pytest.raises(SymbolError, match="has no symbol zzzz; does the linker drop it"):
        symbols.address("zzzz")
    assert issubclass(SymbolError, EmulatorError)


def test_description_names_function_offset_file_and_line(symbols: Symbols, sample: Path) -> None:
    start = symbols.address("store_put")
    line = line_of(sample, "lib/store.c", "int store_put(int x)")
    assert symbols.describe(start) == f"store_put (lib/store.c:{line + 1})"
    place = symbols.describe(start + 4)
    assert place.startswith("store_put+0x4 (lib/store.c:")
    assert symbols.describe(start + 5) == place


def test_assembly_has_lines_too(symbols: Symbols, sample: Path) -> None:
    start = symbols.address("add_one")
    assert symbols.describe(start) == f"add_one (leaf.S:{line_of(sample, 'leaf.S', 'adds r0')})"


@pytest.mark.parametrize("address", [0x0, 0x4, 0x003F_0000, 0x2000_6000, 0xFFFF_FFFE])
def test_address_outside_functions_describes_itself(symbols: Symbols, address: int) -> None:
    """The vector table is at 0, where the debug information of dropped functions points as well."""
    assert symbols.describe(address) == f"{address:#010x}"
    assert symbols.function_at(address) is None
    assert symbols.line_at(address) is None
    assert symbols.frames_at(address) == (Frame(address, None, None, None, inlined=False),)


def test_function_ends_where_its_code_ends(symbols: Symbols) -> None:
    reset = symbols.symbol("reset")
    last = symbols.function_at(reset.address + reset.size - 2)
    assert last is not None
    assert last.symbol == reset
    behind = symbols.function_at(reset.address + reset.size)
    assert behind is None or behind.symbol != reset


def test_variable_owns_its_bytes(symbols: Symbols) -> None:
    start = symbols.address("slots")
    place = symbols.data_symbol_at(start + 171)
    assert place is not None
    assert (place.symbol.name, place.offset, str(place)) == ("slots", 171, "slots+0xab")
    assert str(symbols.data_symbol_at(start)) == "slots"
    assert symbols.data_symbol_at(0x2003_F000) is None


def test_inlined_functions_are_told_apart(symbols: Symbols, sample: Path) -> None:
    middle = symbols.symbol("middle")
    call = line_of(sample, "main.c", "int first = scaled(x)")
    inner = line_of(sample, "main.c", "return store_put(x) * 3")
    chains = [symbols.frames_at(address) for address in range(middle.address, middle.address + middle.size, 2)]
    inlined = [chain for chain in chains if len(chain) == 2]
    assert inlined
    for scaled, outer in inlined:
        assert (scaled.function, scaled.inlined, scaled.offset) == ("scaled", True, None)
        assert (outer.function, outer.inlined) == ("middle", False)
        assert str(outer).endswith(f" (main.c:{call})")
    assert f"scaled (main.c:{inner}, inlined)" in {str(chain[0]) for chain in inlined}


def test_inlining_in_dropped_functions_does_not_count(symbols: Symbols) -> None:
    """Their entries stay, moved to address 0, and claim to cover functions that are there."""
    reset = symbols.symbol("reset")
    for address in range(reset.address, reset.address + reset.size, 2):
        assert [frame.function for frame in symbols.frames_at(address)] == ["reset"]


def test_file_without_symbols_still_answers(build_elf: Callable[..., Path]) -> None:
    source = {"main.c": "int value = 1; void reset(void) { for (;;) value++; }"}
    plain = Symbols(load_image(build_elf(source, "-g0"), AN386))
    assert plain.describe(plain.image.entry) == "reset"
    assert plain.line_ranges() == ()
    assert [frame.function for frame in plain.frames_at(plain.image.entry)] == ["reset"]
    with pytest.raises(SymbolError, match="no variable value with debug information, build with -g"):
        plain.member_address("value")
    stripped = Symbols(load_image(build_elf(source, "-s"), AN386))
    assert stripped.describe(stripped.image.entry) == f"{stripped.image.entry:#010x}"
    chain = stripped.call_chain({"pc": stripped.image.entry, "sp": 0, "lr": 0}, lambda _address, _size: None)
    assert [str(frame) for frame in chain] == [f"{stripped.image.entry:#010x}"]


def test_assembly_without_sizes_reaches_to_the_next_symbol(build_elf: Callable[..., Path]) -> None:
    text = """
    .syntax unified
    .text
    .global reset
    .type reset, %function
    .thumb_func
reset:
    nop
    nop
    .type second, %function
    .thumb_func
second:
    nop
    nop
    """
    symbols = Symbols(load_image(build_elf({"start.S": text}), AN386))
    assert [str(symbols.function_at(address)) for address in range(0, 10, 2)] == [
        "reset",
        "reset+0x2",
        "second",
        "second+0x2",
        "None",
    ]

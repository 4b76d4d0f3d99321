# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from emulator.errors import SymbolError
from emulator.image import Image
from emulator.symbols import Symbols

# struct slot of the sample, laid out by the procedure call standard (AAPCS32, section 5.3): id at 0, the union at 8,
# state at 16 with elements of 48 bytes (count 0, key 8, next 40), the bit field at 160.
SLOT, STATE, ELEMENT = 168, 16, 48


@pytest.fixture(scope="module")
def symbols(sample_image: Image) -> Symbols:
    return Symbols(sample_image)


@pytest.mark.parametrize(
    ("path", "offset", "size"),
    [
        ("slots", 0, 4 * SLOT),
        ("slots[0]", 0, SLOT),
        ("slots[3].id", 3 * SLOT, 4),
        ("slots[0x2].whole", 2 * SLOT + 8, 8),
        ("slots[2].low", 2 * SLOT + 8, 2),
        ("slots[2].high", 2 * SLOT + 10, 2),
        ("slots[1].state", SLOT + STATE, 3 * ELEMENT),
        ("slots[1].state[2]", SLOT + STATE + 2 * ELEMENT, ELEMENT),
        ("slots[2].state[1].count", 2 * SLOT + STATE + ELEMENT, 8),
        ("slots[0].state[0].key", STATE + 8, 32),
        ("slots[0].state[0].key[31]", STATE + 8 + 31, 1),
        ("slots[0].state[0].next", STATE + 40, 4),
        ("lib/store.c:slots[1].id", SLOT, 4),
        ("store.c:slots[1].id", SLOT, 4),
    ],
)
def test_path_leads_to_address_and_size(symbols: Symbols, path: str, offset: int, size: int) -> None:
    assert symbols.member_address(path) == (symbols.address("slots") + offset, size)


def test_typedefs_and_qualifiers_are_seen_through(symbols: Symbols) -> None:
    """A declaration without a length comes first in the source, the definition with one completes it."""
    assert symbols.member_address("only") == (symbols.address("only"), SLOT)
    assert symbols.member_address("only[0].state[1].count").size == 8


def test_arrays_of_arrays_are_indexed_one_by_one(symbols: Symbols) -> None:
    table = symbols.address("table")
    assert symbols.member_address("table") == (table, 48)
    assert symbols.member_address("table[2]") == (table + 24, 12)
    assert symbols.member_address("table[2][1]") == (table + 28, 4)


def test_variable_inside_a_function_is_found(symbols: Symbols) -> None:
    place = symbols.member_address("puts")
    owner = symbols.data_symbol_at(place.address)
    assert owner is not None
    assert owner.symbol.name.startswith("puts.")
    assert place.size == 4


def test_variable_of_two_files_wants_its_file(symbols: Symbols) -> None:
    with pytest.raises(SymbolError, match=r"several files \(lib/store.c, main.c\), write file.c:twice"):
        symbols.member_address("twice")
    assert symbols.member_address("main.c:twice") == (symbols.address("main.c:twice"), 4)
    assert symbols.member_address("store.c:twice") == (symbols.address("store.c:twice"), 4)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "is no member path"),
        ("slots.", "is no member path"),
        ("slots[", "is no member path"),
        ("slots[-1]", "is no member path"),
        ("slots[1]id", "is no member path"),
        ("slots->id", "is no member path"),
        ("*slots", "is no member path"),
        ("slots[1]\n", "is no member path"),
        ("unknown", "no variable unknown with debug information"),
        ("main.c:slots", r"no variable slots in main\.c with debug information"),
        ("x.c:twice", r"no variable twice in x\.c"),
        ("middle", "no variable middle"),
        ("slots[4]", "slots has 4 elements, use 0 to 3"),
        ("slots[four]", r"slots\[four\]: four is no number"),
        ("slots.id", "slots is an array, it has no member id"),
        ("table[1].x", r"table\[1\] is an array, it has no member x"),
        ("table[1][1][1]", "is a number, it has no elements"),
        ("slots[0][0]", "is a structure, it has no elements"),
        ("slots[0].nonce", r"slots\[0\] has no member nonce, use one of: id, \(nameless\), state, flag"),
        ("slots[0].state[0].next.id", "is a pointer, it has no member id"),
        ("slots[0].flag", "is a bit field, it has no address"),
    ],
)
def test_path_that_means_nothing_says_why(symbols: Symbols, path: str, message: str) -> None:
    with pytest.raises(SymbolError, match=message) as caught:
        symbols.member_address(path)
    assert "\n" not in str(caught.value)

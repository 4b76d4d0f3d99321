# SPDX-License-Identifier: GPL-2.0-or-later
"""What an image takes of the board's memory: from its section headers, and by function and variable."""

from __future__ import annotations

from emulator.board import Board, Region
from emulator.image import Image, Section, SymbolKind
from harness.report.cost import Footprint


def footprint(image: Image, board: Board, build: str) -> Footprint:
    """Sizes in bytes; a section counts for the region of `board` that it lies in."""
    allocated = [section for section in image.sections if section.allocated]
    writable = [section for section in allocated if section.writable]
    fixed = [section for section in allocated if not section.writable]
    return Footprint(
        build=build,
        code=sum(section.size for section in fixed if section.executable),
        constants=sum(section.size for section in fixed if not section.executable),
        data=_size_in(writable, board, board.data),
        bulk=_size_in(writable, board, board.bulk),
        filters=_size_in(writable, board, board.filters),
        stack=_size_in(writable, board, board.stack),
        functions=_sizes(image, "function"),
        variables=_sizes(image, "object"),
    )


def _size_in(sections: list[Section], board: Board, region: Region | None) -> int:
    held = [(section, board.region_at(section.address)) for section in sections]
    return sum(section.size for section, place in held if place is not None and place == region)


def _sizes(image: Image, kind: SymbolKind) -> tuple[tuple[str, int], ...]:
    """Names and sizes, largest first; of several names for one thing the first in the alphabet."""
    by_place: dict[tuple[int, int], str] = {}
    for symbol in sorted(image.all_symbols, key=lambda symbol: symbol.name):
        if symbol.kind == kind and symbol.size:
            by_place.setdefault((symbol.address, symbol.size), symbol.name)
    sizes = [(name, size) for (_address, size), name in by_place.items()]
    return tuple(sorted(sizes, key=lambda entry: (-entry[1], entry[0])))

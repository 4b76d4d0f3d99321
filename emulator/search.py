# SPDX-License-Identifier: GPL-2.0-or-later
"""Search memory for many byte strings at once, fast where memory is mostly zero."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from emulator.cpu import ffi, lib
from emulator.errors import EmulatorError

# Needles are looked for by runs of 8 bytes, one every 4: what shares 11 bytes with one is found, wherever it lies.
PIECE = 8
_ALIGNMENT = 4
_MATCHES_MAX = 64


class Match(NamedTuple):
    """`offset` in what was searched; which needle, and from which of its bytes on it is the same for 8 bytes."""

    offset: int
    needle: int
    needle_offset: int


class Needles:
    """Byte strings to search for. Runs of fewer than four distinct values are passed over: they are everywhere.

    `tags` are sets of bits, one for each needle: a search passes over the needles that share a bit with `passed`.
    """

    def __init__(self, needles: Sequence[bytes], tags: Sequence[int] | None = None) -> None:
        begins, ends, parts = [], [], []
        position = 0
        for needle in needles:
            padded = needle + bytes(-len(needle) % _ALIGNMENT)
            begins.append(position)
            ends.append(position + len(needle))
            parts.append(padded)
            position += len(padded)
        self._begins = begins
        self._text = ffi.from_buffer(b"".join(parts) + bytes(PIECE))
        made = lib.core_needles_new(self._text, ends, tags or [0] * len(ends), len(ends))
        if made == ffi.NULL:
            raise EmulatorError("no memory to search with")
        self._needles = ffi.gc(made, lib.core_needles_free)
        self._out = ffi.new("struct core_match[]", _MATCHES_MAX)

    def search(self, memory: memoryview, passed: int = 0) -> Iterable[Match]:
        """The first matches in `memory`, at most 64; adjacent ones are each reported."""
        buffer = ffi.from_buffer(memory)
        count = lib.core_search(self._needles, buffer, len(memory), passed, self._out, _MATCHES_MAX)
        return [self._match(self._out[i].memory, self._out[i].text) for i in range(count)]

    def _match(self, offset: int, position: int) -> Match:
        needle = bisect_right(self._begins, position) - 1
        return Match(offset, needle, position - self._begins[needle])

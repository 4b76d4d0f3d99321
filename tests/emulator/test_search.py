# SPDX-License-Identifier: GPL-2.0-or-later
"""Many needles in memory."""

from __future__ import annotations

from random import Random

import pytest

from emulator.search import PIECE, Match, Needles

NEEDLES = [Random(seed).randbytes(size) for seed, size in enumerate((16, 5, 33, 4096))]


def memory_with(*placed: tuple[int, bytes], size: int = 20_000) -> memoryview:
    memory = bytearray(size)
    for offset, content in placed:
        memory[offset : offset + len(content)] = content
    return memoryview(memory)


@pytest.mark.parametrize("offset", [0, 1, 7, 1016, 1017, 1023, 1024, 4095, 20_000 - 16])
def test_a_needle_is_found_wherever_it_lies(offset: int) -> None:
    found = list(Needles(NEEDLES).search(memory_with((offset, NEEDLES[0]))))
    assert Match(offset, 0, 0) in found
    assert {match.needle for match in found} == {0}


@pytest.mark.parametrize("start", range(5))
def test_eleven_bytes_of_a_needle_suffice(start: int) -> None:
    part = NEEDLES[2][start : start + PIECE + 3]
    assert list(Needles(NEEDLES).search(memory_with((77, part))))


def test_the_end_of_a_needle_that_is_no_multiple_of_four_is_found() -> None:
    assert list(Needles([NEEDLES[2][:-1]]).search(memory_with((3, NEEDLES[2][20:32]))))


def test_nothing_is_found_across_two_needles() -> None:
    first, second = NEEDLES[0], NEEDLES[2]
    seam = first[-4:] + second[:4]
    assert not list(Needles([first, second]).search(memory_with((50, seam))))


def test_runs_of_few_values_are_passed_over() -> None:
    memory = memory_with((0, b"\xa5" * 5000))
    assert not list(Needles([b"\xa5" * 100, bytes(64), b"abc" * 9]).search(memory))


def test_tags_pass_needles_over() -> None:
    needles = Needles([NEEDLES[0], NEEDLES[2]], [1, 2])
    memory = memory_with((10, NEEDLES[0]), (100, NEEDLES[2]))
    assert {match.needle for match in needles.search(memory)} == {0, 1}
    assert {match.needle for match in needles.search(memory, 1)} == {1}
    assert not list(needles.search(memory, 3))


@pytest.mark.parametrize("size", [0, 1, 7])
def test_memory_shorter_than_a_piece_holds_nothing(size: int) -> None:
    assert not list(Needles(NEEDLES).search(memory_with(size=size)))


def test_no_needles_find_nothing() -> None:
    assert not list(Needles([]).search(memory_with((0, NEEDLES[3]))))


def test_matches_are_bounded() -> None:
    assert len(list(Needles(NEEDLES).search(memory_with((0, NEEDLES[3]))))) == 64

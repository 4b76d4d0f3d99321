# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of the release image, and some that were put together by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import Image, load_image
from harness.instructions import Code

REGISTERS = (*range(0x1000, 0x1D00, 0x100), 0x2000, 0x3000, 0x4000, 0)


@pytest.fixture
def image(firmware: Path) -> Image:
    return load_image(firmware, AN386)


def code_of(image: Image, *halfwords: int) -> Code:
    data = b"".join(word.to_bytes(2, "little") for word in halfwords)
    segment = replace(image.segments[0], virtual_address=0x100, data=data, memory_size=len(data))
    return Code(replace(image, segments=(segment,)))


def test_instructions_are_shown_as_text(image: Image) -> None:
    code = code_of(image, 0xBF00, 0xFFFF, 0xFFFF)
    assert (code.text(0x100), code.text(0x102), code.at(0x50)) == ("nop", ".inst ffff", b"")


def test_an_if_then_block_governs_as_many_as_it_says(image: Image) -> None:
    # ite ls; subls; subhi.w; nop; it cs; nop; nop
    code = code_of(image, 0xBF94, 0x1A92, 0xEBA0, 0x0202, 0xBF00, 0xBF28, 0xBF00, 0xBF00)
    inside = [address for address in range(0x100, 0x110, 2) if code.in_if_then_block(address)]
    assert inside == [0x102, 0x104, 0x10C]


@pytest.mark.parametrize(
    ("halfwords", "start", "size"),
    [
        ((0x6063,), 0x1404, 4),  # str r3, [r4, #4]
        ((0x7063,), 0x1401, 1),  # strb r3, [r4, #1]
        ((0x8063,), 0x1402, 2),  # strh r3, [r4, #2]
        ((0xF84E, 0x4B04), 0x3000, 4),  # str r4, [lr], #4
        ((0xF842, 0x1F04), 0x1204, 4),  # str r1, [r2, #4]!
        ((0xF825, 0xE014), 0x1500 + 2 * 0x1400, 2),  # strh.w lr, [r5, r4, lsl #1]
        ((0xE9C3, 0x1202), 0x1308, 8),  # strd r1, r2, [r3, #8]
        ((0xB510,), 0x1FF8, 8),  # push {r4, lr}
        ((0xC007,), 0x1000, 12),  # stm r0!, {r0, r1, r2}
        ((0xE920, 0x0006), 0xFF8, 8),  # stmdb r0!, {r1, r2}
        ((0x6863,), 0, 0),  # ldr r3, [r4, #4]
        ((0xFFFF, 0xFFFF), 0, 0),
    ],
)
def test_what_a_store_writes(image: Image, halfwords: tuple[int, ...], start: int, size: int) -> None:
    assert code_of(image, *halfwords).stores(0x100, REGISTERS) == range(start, start + size)

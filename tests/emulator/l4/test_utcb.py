# SPDX-License-Identifier: GPL-2.0-or-later
"""The control page, laid out by hand."""

import struct

from emulator.l4.utcb import NEVER, Utcb


def test_the_wake_time_is_the_first_u64() -> None:
    page = bytearray(4096)
    utcb = Utcb(memoryview(page))
    assert utcb.wake_at == NEVER
    struct.pack_into("<Q", page, 0, (1 << 64) - 2)
    assert utcb.wake_at == (1 << 64) - 2


def test_clear_leaves_the_rest_of_the_page() -> None:
    page = bytearray(b"\xff" * 4096)
    Utcb(memoryview(page)).clear()
    assert page == bytes(8) + b"\xff" * 4088

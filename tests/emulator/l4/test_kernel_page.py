# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel info page as docs/protocol.md lays it out."""

import struct

import pytest

from emulator.l4.kernel_page import KernelPage


def test_reset_fills_magic_version_and_clock() -> None:
    page = bytearray(4096)
    KernelPage(memoryview(page)).reset(now=5)
    assert struct.unpack_from("<IIQ", page) == (0x4BE6344C, 1, 5)


def test_the_clock_takes_any_step_within_64_bits() -> None:
    page = bytearray(4096)
    kernel = KernelPage(memoryview(page))
    for now in (10, 3, (1 << 64) - 1):
        kernel.set_clock(now)
        assert struct.unpack_from("<Q", page, 8) == (now,)
        assert kernel.now == now
    with pytest.raises(struct.error):
        kernel.set_clock(1 << 64)
    assert kernel.now == (1 << 64) - 1

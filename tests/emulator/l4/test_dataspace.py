# SPDX-License-Identifier: GPL-2.0-or-later
import mmap

from emulator.board import Region
from emulator.l4.dataspace import Dataspace


def test_fill_sets_every_byte_and_none_beside() -> None:
    memory = memoryview(mmap.mmap(-1, 3 * 4096))
    space = Dataspace(Region("space", 0x1000, 4096, "r"), memory[4096:8192])
    space.fill(0xA5)
    assert (space.name, bytes(memory)) == ("space", bytes(4096) + b"\xa5" * 4096 + bytes(4096))
    space.fill(0)
    assert not any(memory)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What Moe makes, what it refuses, and that a grant is host memory shared by all who hold it."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator.board import AN386, Region
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.moe import Moe
from emulator.l4.task import Task

BANK = Region("bank", 0x2000_0000, 0x10_0000, "rw")
SPACE = Region("space", 0x2000_1000, 0x2000, "rw")

Pair = tuple[Moe, Task, Task]


@pytest.fixture
def moe() -> Moe:
    return Moe((BANK,))


@pytest.fixture
def pair(hostile_images: dict[str, Image]) -> Iterator[Pair]:
    """Moe over the board's banks and two tasks without any grant."""
    tasks = [Task(AN386, AN386.task(name), image) for name, image in hostile_images.items()]
    yield Moe(AN386.banks), tasks[0], tasks[1]
    for task in tasks:
        task.close()


def test_a_dataspace_is_zero_and_is_found_by_name(moe: Moe) -> None:
    moe.view(SPACE.base, 4)[:] = b"left"
    space = moe.create(SPACE)
    assert not any(space.memory)
    assert moe.dataspace("space") is space
    assert moe.dataspaces == (space,)
    with pytest.raises(EmulatorError, match="there is no dataspace 'window', use one of: space"):
        moe.dataspace("window")


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (replace(SPACE, name="other"), "dataspace other: overlaps dataspace space"),
        (Region("other", 0x2000_2000, 0x2000, "r"), "dataspace other: overlaps dataspace space"),
        (Region("other", 0x2000_0000, 0x2000, "r"), "dataspace other: overlaps dataspace space"),
        (Region("space", 0x2000_8000, 0x1000, "r"), "dataspace space: there is one of this name"),
        (Region("other", 0x200F_F000, 0x2000, "r"), "no memory at 0x200ff000..0x20101000"),
        (Region("other", 0x1FFF_F000, 0x1000, "r"), "no memory at 0x1ffff000"),
    ],
)
def test_what_cannot_be_made(moe: Moe, region: Region, message: str) -> None:
    moe.create(SPACE)
    with pytest.raises(EmulatorError, match=message):
        moe.create(region)
    assert [space.name for space in moe.dataspaces] == ["space"]


def test_neighbours_do_not_overlap(moe: Moe) -> None:
    moe.create(SPACE)
    moe.create(Region("above", SPACE.end, 0x1000, "rw"))
    moe.create(Region("below", SPACE.base - 0x1000, 0x1000, "rw"))


def test_a_grant_is_the_same_memory_for_every_task(pair: Pair) -> None:
    moe, service, gateway = pair
    window = moe.create(AN386.window)
    moe.grant(window, service)
    moe.grant(window, gateway, "r")
    window.memory[:4] = b"seen"
    assert service.read(AN386.window.base, 4) == gateway.read(AN386.window.base, 4) == b"seen"
    assert [(grant.name, grant.access) for grant in gateway.grants] == [("window", "r")]
    assert service.grants == (AN386.window,)


def test_only_moes_own_dataspaces_are_granted(pair: Pair) -> None:
    moe, service, _ = pair
    foreign = Moe(AN386.banks).create(AN386.window)
    with pytest.raises(EmulatorError, match="dataspace window is not Moe's to grant"):
        moe.grant(foreign, service)
    moe.create(AN386.window)
    with pytest.raises(EmulatorError, match="dataspace window is not Moe's to grant"):
        moe.grant(foreign, service)
    assert service.grants == ()


def test_no_more_access_than_the_dataspace_allows(pair: Pair) -> None:
    moe, service, _ = pair
    storage = moe.create(AN386.key_storage)
    with pytest.raises(EmulatorError, match="dataspace key storage is r, it cannot be granted rw"):
        moe.grant(storage, service, "rw")
    assert service.grants == ()


def test_nothing_is_granted_twice(pair: Pair) -> None:
    moe, service, _ = pair
    window = moe.create(AN386.window)
    moe.grant(window, service)
    with pytest.raises(EmulatorError, match="task service: window overlaps window, which it was granted before"):
        moe.grant(window, service, "r")
    assert service.grants == (AN386.window,)


def test_an_image_is_loaded_where_its_task_owns_memory(pair: Pair) -> None:
    moe, service, gateway = pair
    for task in (AN386.service, AN386.gateway):
        moe.create(task.code)
    moe.grant(moe.dataspace("code"), service)
    moe.load(service.image, service)
    segment = service.image.segments[0]
    assert service.read(segment.load_address, len(segment.data)) == segment.data
    with pytest.raises(EmulatorError, match="task gateway: its image has data at 0x00200000, where it owns nothing"):
        moe.load(gateway.image, gateway)
    with pytest.raises(EmulatorError, match="task gateway: its image has data at 0x00000000, where it owns nothing"):
        moe.load(service.image, gateway)
    assert not any(moe.dataspace("gateway code").memory)


def test_lent_memory_takes_the_place_of_a_banks(pair: Pair) -> None:
    """The host's own memory, which the guest then reads and writes as its dataspace."""
    window = AN386.window
    memory = mmap.mmap(-1, window.size)
    lent = memoryview(memory)
    lent[:4] = b"left"
    moe = Moe(AN386.banks, {window.name: lent})
    space = moe.create(window)
    assert not any(lent), "a dataspace begins as zeros"
    moe.grant(space, pair[1])
    lent[8:12] = b"host"
    assert pair[1].read(window.base + 8, 4) == b"host"
    moe.view(window.base + 16, 4)[:] = b"view"
    assert lent[16:20] == b"view"


def test_lent_memory_has_its_dataspaces_size_and_no_view_goes_across_its_border() -> None:
    lent = memoryview(bytearray(SPACE.size))
    with pytest.raises(EmulatorError, match="dataspace space: 4096 bytes were lent for it, it has 8192"):
        Moe((BANK,), {"space": lent[:4096]}).create(SPACE)
    moe = Moe((BANK,), {"space": lent})
    moe.create(SPACE)
    for address, size in ((SPACE.base - 4, 8), (SPACE.end - 4, 8), (SPACE.base - 4, SPACE.size + 8)):
        with pytest.raises(EmulatorError, match="no memory at"):
            moe.view(address, size)
    assert len(moe.view(SPACE.base - 4, 4)) == len(moe.view(SPACE.end, 4)) == 4

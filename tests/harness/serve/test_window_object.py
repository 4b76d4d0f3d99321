# SPDX-License-Identifier: GPL-2.0-or-later
"""The shared-memory object: found by shm_open(3), for one user, gone when it is unlinked."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import stat
from collections.abc import Iterator

import pytest

from harness.serve import window_object

SIZE = 0x23000


@pytest.fixture
def name() -> Iterator[str]:
    made = window_object.new_name()
    yield made
    window_object.unlink(made)


def test_shm_open_finds_what_create_has_made(name: str) -> None:
    descriptor, memory = window_object.create(name, SIZE)
    os.close(descriptor)
    assert len(memory) == SIZE
    assert not any(memory)
    opened = ctypes.CDLL(None).shm_open(name.encode(), os.O_RDWR, 0)
    assert opened >= 0
    assert stat.S_IMODE(os.fstat(opened).st_mode) == 0o600
    with mmap.mmap(opened, SIZE) as other:
        other[:4] = b"ring"
        assert memory[:4] == b"ring"
    os.close(opened)


def test_its_memory_is_allocated_at_once(name: str) -> None:
    descriptor, _ = window_object.create(name, SIZE)
    assert os.fstat(descriptor).st_blocks * 512 >= SIZE
    os.close(descriptor)


def test_what_does_not_fit_leaves_nothing(name: str) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        window_object.create(name, 1 << 50)
    assert not (window_object.OBJECTS / name[1:]).exists()


def test_a_name_is_taken_once_and_free_behind_unlink(name: str) -> None:
    for _ in range(2):
        descriptor, _ = window_object.create(name, SIZE)
        os.close(descriptor)
        with pytest.raises(FileExistsError):
            window_object.create(name, SIZE)
        window_object.unlink(name)
        window_object.unlink(name)


def test_names_differ() -> None:
    assert len({window_object.new_name() for _ in range(100)}) == 100

# SPDX-License-Identifier: GPL-2.0-or-later
"""The window as a POSIX shared-memory object (shm_overview(7): on Linux a file of the tmpfs at /dev/shm)."""

from __future__ import annotations

import mmap
import os
import secrets
from pathlib import Path
from typing import Final

OBJECTS: Final = Path("/dev/shm")
PREFIX: Final = "/hil-"


def new_name() -> str:
    """A name for shm_open(3) that nobody has guessed."""
    return PREFIX + secrets.token_hex(8)


def create(name: str, size: int) -> tuple[int, memoryview]:
    """A new object that this user alone may open: its descriptor and its memory, `size` bytes of zeros.

    The memory is allocated at once, so that a full /dev/shm is an OSError here and no signal later.
    """
    descriptor = os.open(_path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
        return descriptor, memoryview(mmap.mmap(descriptor, size))
    except BaseException:
        os.close(descriptor)
        unlink(name)
        raise


def unlink(name: str) -> None:
    """Remove the name, if it is still there; who has mapped the object keeps it."""
    _path(name).unlink(missing_ok=True)


def _path(name: str) -> Path:
    return OBJECTS / name.removeprefix("/")

# SPDX-License-Identifier: GPL-2.0-or-later
"""A large file that comes into being whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BUFFER_SIZE = 1 << 20


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file `path` when the block ends without an exception.

    Until then it is a file of another name in the same directory, which only its owner may read; whatever goes wrong,
    Ctrl-C included, it is removed and what was at `path` stays. A symbolic link stays one. Raises OSError, with the
    name of `path`, for a directory or device, and where nothing can be written.
    """
    destination = Path(os.path.realpath(path))
    if destination.exists() and not destination.is_file():
        raise OSError(0, "is no file: give the name of one that can be replaced", str(path))
    temporary = destination.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb", buffering=BUFFER_SIZE, opener=_private) as stream:
            yield stream
        temporary.chmod(_usual_mode())
        os.replace(temporary, destination)
    except OSError as error:
        if error.filename is None or error.filename == str(temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _usual_mode() -> int:
    """The mode of new files. The mask can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask

# SPDX-License-Identifier: GPL-2.0-or-later
"""The socket that clients connect to: made where nobody else serves, and removed at the end."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.targets.base import TargetError


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket at `path`, for this user alone, as long as the block lasts.

    One that a server has left behind, which is dead, is replaced. Raises TargetError where another server answers, the
    path is too long, or something else lies there; OSError where there is no folder for it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        _bind(listener, path)
        made = path.lstat()
        try:
            listener.listen()
            listener.setblocking(False)
            yield listener
        finally:
            if _same(path, made):
                path.unlink()


def _bind(listener: socket.socket, path: Path) -> None:
    if path.exists() or path.is_symlink():
        _remove_stale(path)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise TargetError(f"{path}: no socket can be made there ({reason}); name another with --socket") from None
    finally:
        os.umask(before)


def _remove_stale(path: Path) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise TargetError(f"{path} exists and is no socket; name another with --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # it listens, and its queue is full
        except OSError as error:
            raise TargetError(f"{path}: {error.strerror}; name another with --socket") from None
    raise TargetError(f"{path}: a server answers there already; end it, or name another socket with --socket")


def _same(path: Path, made: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), made)
    except FileNotFoundError:
        return False

# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a server listens: what it replaces, what it leaves alone, and that it tidies up."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from harness.serve.listener import listening
from harness.targets.base import TargetError


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(str(path))
    return client


def test_it_is_there_for_this_user_and_gone_behind_the_block(tmp_path: Path) -> None:
    path = tmp_path / "s"
    mask = os.umask(0)
    os.umask(mask)
    with listening(path) as listener, connect(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        listener.accept()[0].close()
    assert not path.exists()
    assert os.umask(mask) == mask


def test_a_dead_servers_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    assert path.exists()
    with listening(path), connect(path):
        pass
    assert not path.exists()


def test_a_living_servers_socket_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening(path), pytest.raises(TargetError, match="a server answers there already"), listening(path):
        pass
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.bind(str(path))
        stranger.listen()
        with pytest.raises(TargetError, match="name another with --socket"), listening(path):
            pass
        assert path.exists()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for each in (path, tmp_path / "link", tmp_path):
        with pytest.raises(TargetError, match="exists and is no socket"), listening(each):
            pass
    assert path.read_text() == "mine"


@pytest.mark.parametrize("place", ["missing/s", "x" * 200])
def test_where_no_socket_can_be(tmp_path: Path, place: str) -> None:
    with pytest.raises(TargetError, match="no socket can be made there"), listening(tmp_path / place):
        pass


def test_another_servers_socket_is_not_removed_at_the_end(tmp_path: Path) -> None:
    """Somebody has removed ours by hand and started another server."""
    path = tmp_path / "s"
    with listening(path):
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
            other.bind(str(path))
    assert path.exists()

# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb:HOST:PORT, on a QEMU that was started as a user starts one."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.errors import EmulatorError
from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID
from harness.targets.base import TargetError
from harness.targets.opening import open_target


@pytest.fixture
def port() -> Iterator[int]:
    """Of a stub that listens; QEMU takes the socket that listens already, so that nobody else can have the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = ["-chardev", f"socket,id=stub,fd={listener.fileno()},server=on,wait=off", "-gdb", "chardev:stub"]
        command = ["setpriv", "--pdeathsig", "KILL", "--", "qemu-system-arm", "-M", "mps2-an386", "-display", "none"]
        with subprocess.Popen([*command, "-S", *link], pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL) as qemu:
            try:
                yield listener.getsockname()[1]
            finally:
                qemu.kill()


def test_any_stub_by_its_address(port: int, firmware: Path) -> None:
    target = open_target(f"gdb:127.0.0.1:{port}", firmware)
    try:
        assert target.name == f"gdb:127.0.0.1:{port}"
        dut = Dut(target)
        sealed = dut.seal(AES_KEY_ID, b"attack at dawn")
        dut.boot()
        assert dut.seal(AES_KEY_ID, b"attack at dawn") == sealed
    finally:
        target.close()


@pytest.mark.parametrize("name", ["gdb:", "gdb:host", "gdb::3333", "gdb:host:0", "gdb:host:65536", "gdb:host:x"])
def test_names_of_another_form(name: str) -> None:
    with pytest.raises(TargetError, match=r"is no gdb:HOST:PORT, for instance gdb:127.0.0.1:3333"):
        open_target(name)


def test_nobody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TargetError, match="no stub answers there"):
        open_target(f"gdb:127.0.0.1:{port}")


def test_board_and_image_are_checked_before_anything_is_connected_to(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="is unknown"):
        open_target("gdb:127.0.0.1:1", board="abacus", firmware=Path(__file__))
    with pytest.raises(EmulatorError):
        open_target("gdb:127.0.0.1:1", firmware=Path(__file__))

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil serve`: what it says, takes and refuses."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.model import Model
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.serve.background import background_server
from harness.targets.base import TargetError
from harness.targets.device import DeviceTarget


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["serve", *map(str, arguments)])


def test_it_serves_the_keys_and_the_entropy_that_it_is_given(files: Any) -> None:
    entropy = bytes(range(48))
    with (
        background_server("--keys", str(files.keys), "--entropy", entropy.hex()) as server,
        DeviceTarget(server.path) as device,
    ):
        model = Model(entropy, files.keys.read_bytes())
        for key_id in (1, 2, 3):
            request = codec.aes_encrypt(key_id, b"", b"text")
            assert device.exchange(request) == model.exchange(request, 0)
        assert device.connection is not None
        name = device.connection.greeting.name
        device.close()
        while server.devices:
            time.sleep(0.01)
        server.process.terminate()
        assert server.process.wait(30) == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""
        assert server.log.splitlines()[0].endswith(f"window {name}")
        assert server.log.splitlines()[1:] == ["device 1: ended after 3 rings"]


def test_the_keys_of_the_tests_are_the_default() -> None:
    with background_server() as server, DeviceTarget(server.path) as device:
        assert device.exchange(codec.aes_encrypt(1, b"", b"")).status is Status.SUCCESS
        assert device.exchange(codec.mlkem_keygen(0x768)).status is Status.SUCCESS


def test_it_says_where_it_serves_what(tmp_path: Path) -> None:
    """And a socket that a killed server has left is no obstacle."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(tmp_path / "s"))
    with background_server() as server:
        busy = hil("--socket", server.path)
        assert busy.exit_code == 2
        assert busy.stderr.splitlines() == [
            f"hil: {server.path}: a server answers there already; end it, or name another socket with --socket"
        ]
        assert DeviceTarget(server.path).exchange(codec.encode_request(0x7F)).status is Status.INVALID_TYPE


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--firmware", "/no/service.elf"], "no such firmware image"),
        (["--board", "an385x"], "an385x"),
        (["--keys", "/no/keys"], "/no/keys: No such file or directory"),
        (["--keys", "/dev/null"], "image is truncated"),
        (["--socket", "/no/folder/s"], "no socket can be made there"),
        (["--socket", "/tmp"], "exists and is no socket"),
        (["--socket", "/tmp/" + "x" * 200], "no socket can be made there"),
    ],
)
def test_what_a_user_can_get_wrong_is_one_line(arguments: list[str], complaint: str) -> None:
    result = hil(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("hil: ")
    assert complaint in line


@pytest.mark.parametrize("arguments", [["--entropy", "00"], ["--clock", "virtual"], ["--max-clients", "0"]])
def test_what_an_option_does_not_take(arguments: list[str]) -> None:
    assert hil(*arguments).exit_code == 2


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(TargetError, match="no such firmware image"), background_server("--firmware", "/no/service.elf"):
        pass

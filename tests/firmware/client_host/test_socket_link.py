# SPDX-License-Identifier: GPL-2.0-or-later
"""The example program, natively compiled, on a virtual device: the model agrees with what it prints."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.default_keys import AES_KEY_ID, ENTROPY, default_keys
from harness.model import Model
from harness.protocol import codec
from harness.protocol.device_socket import WORD, Greeting, Outcome, State
from harness.serve.background import background_server
from harness.targets.device import DeviceConnection

FIRMWARE = Path(__file__).parents[3] / "firmware"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module", params=["", "address,undefined"], ids=["plain", "sanitized"])
def run(request: pytest.FixtureRequest) -> Run:
    """Returns run(socket, key id, text) of the program, built without warnings."""
    variant = [f"HOST_SANITIZE={request.param}"] if request.param else []
    program = f"build/host{'-sanitized' if request.param else ''}/device-example"
    subprocess.run(["make", "-s", program, *variant], cwd=FIRMWARE, check=True)

    def made(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [FIRMWARE / program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    return made


def test_the_model_agrees_with_what_it_prints(run: Run) -> None:
    with background_server("--entropy", ENTROPY.hex()) as server:
        for text in ("attack at dawn", "", "x" * 4096):
            answer = Model(ENTROPY, default_keys().build()).exchange(
                codec.aes_encrypt(AES_KEY_ID, b"", text.encode()), 0
            )
            result = run(server.path, AES_KEY_ID, text)
            assert (result.returncode, result.stderr) == (0, "")
            assert result.stdout.splitlines() == [
                f"nonce {answer.payload[:12].hex()}",
                f"ciphertext {answer.payload[12:-16].hex()}",
                f"tag {answer.payload[-16:].hex()}",
                f"{len(text)} bytes came back",
            ]


def test_a_refusal_is_told(run: Run) -> None:
    with background_server() as server:
        result = run(server.path, 0xBAD, "text")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == "device-example: AES_ENCRYPT is refused with status 0x04\n"


def test_no_server_and_no_device_left(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / ("x" * 120)):
        result = run(path, 1, "text")
        assert (result.returncode, result.stderr) == (
            2,
            f"device-example: {path}: no server answers; start `hil serve`\n",
        )
    with background_server("--max-clients", "1") as server:
        other = DeviceConnection(server.path)
        assert "every device is in use" in run(server.path, 1, "text").stderr
        other.close()
    for arguments in (("s", 0, "text"), ("s", "x", "text"), ("s", 1, "x" * 4097), ("s",)):
        assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("greeting", "complaint"),
    [
        (b"SSH-2.0-stranger", "that is no server of devices"),
        (b"", "that is no server of devices"),
        (Greeting(State.READY, 0x23000, "/x").encode(), "that is no server of devices"),
        (Greeting(State.FAILED).encode(), "could not make a device"),
        (b"HILD\2\0" + Greeting(State.READY).encode()[6:], "that is no server of devices"),
    ],
)
def test_what_is_no_device(run: Run, tmp_path: Path, greeting: bytes, complaint: str) -> None:
    assert complaint in _with_stranger(run, tmp_path, lambda connection: connection.send(greeting))


@pytest.mark.parametrize("answer", [b"", b"\0", WORD.pack(Outcome.STOPPED), WORD.pack(Outcome.WAITING)])
def test_a_device_that_does_not_answer(run: Run, tmp_path: Path, answer: bytes) -> None:
    """It hangs up, says half a word, that its service has stopped, or that it waits without having answered."""
    memory = tmp_path / "memory"
    memory.write_bytes(bytes(0x23000))

    def pose(connection: socket.socket) -> None:
        with memory.open("r+b") as file:
            socket.send_fds(connection, [Greeting(State.READY, 0x23000, "/x").encode()], [file.fileno()])
        connection.recv(4)
        connection.send(answer)

    assert "AES_ENCRYPT fails with result 2" in _with_stranger(run, tmp_path, pose)


def _with_stranger(run: Run, folder: Path, pose: Callable[[socket.socket], object]) -> str:
    """What the program says when this answers in the place of a server."""
    path = folder / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.bind(str(path))
        stranger.listen()

        def serve() -> None:
            with stranger.accept()[0] as connection:
                pose(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        result = run(path, 1, "text")
        thread.join()
    assert result.returncode == 2, result.stderr
    return result.stderr

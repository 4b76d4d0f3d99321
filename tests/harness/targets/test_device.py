# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual device as a target: against the model, with and without control, and what is no device."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.conformance.runner import ConformanceOptions, run_conformance
from harness.default_keys import AES_KEY_ID, ENTROPY, default_keys
from harness.differential.session import run_diff
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.protocol.device_socket import Greeting, State
from harness.serve.background import Background, background_server
from harness.targets.base import CLOCK, RESET, TargetError
from harness.targets.device import DeviceConnection, DeviceTarget, default_socket
from harness.targets.model import ModelTarget
from harness.targets.opening import open_target

ENCRYPT = codec.aes_encrypt(AES_KEY_ID, b"aad", b"text")
KEYS = default_keys().build()


@pytest.fixture(scope="module")
def server() -> Iterator[Background]:
    with background_server("--control", "--entropy", ENTROPY.hex()) as made:
        yield made


@pytest.fixture
def device(server: Background) -> Iterator[DeviceTarget]:
    with DeviceTarget(server.path) as made:
        yield made


def test_random_sequences_are_answered_as_the_model_answers_them(device: DeviceTarget) -> None:
    result = run_diff(ModelTarget(), device, 300, seed=5)
    assert (result.requests, result.first) == (300, None)


def test_it_is_judged_as_every_target_is(server: Background) -> None:
    run = run_conformance(ConformanceOptions(f"device:{server.path}", clauses=("HDR-1", "RATE-1", "ISO-2")))
    assert {clause.id: clause.outcome for clause in run.clauses} == {
        "HDR-1": "passed",
        "RATE-1": "passed",
        "ISO-2": "skipped",
    }


def test_it_answers_at_once(device: DeviceTarget) -> None:
    model = ModelTarget()
    model.boot(ENTROPY, KEYS)
    assert device.exchange(ENCRYPT) == model.exchange(ENCRYPT)


def test_boot_forgets_and_what_is_set_counts(device: DeviceTarget) -> None:
    assert device.capabilities == {CLOCK, RESET}
    device.set_clock(5)
    device.boot(ENTROPY, KEYS)
    first = device.exchange(ENCRYPT)
    device.write_key_image(b"")
    assert device.exchange(ENCRYPT).status is Status.KEY_NOT_FOUND
    device.boot(ENTROPY, KEYS)
    assert device.exchange(ENCRYPT) == first
    with pytest.raises(TargetError, match="u64"):
        device.set_clock(1 << 64)


def test_a_device_that_was_closed_is_replaced_at_boot(device: DeviceTarget) -> None:
    device.exchange(ENCRYPT)
    device.close()
    device.close()
    with pytest.raises(TargetError, match="has stopped before"):
        device.exchange(ENCRYPT)
    device.boot(ENTROPY, KEYS)
    assert device.exchange(ENCRYPT).status is Status.SUCCESS


def test_without_control_it_only_answers() -> None:
    with background_server() as server, DeviceTarget(server.path) as device:
        assert device.capabilities == frozenset()
        assert device.exchange(ENCRYPT).status is Status.SUCCESS
        for refused in (
            lambda: device.boot(ENTROPY, KEYS),
            lambda: device.set_clock(0),
            lambda: device.write_key_image(KEYS),
        ):
            with pytest.raises(TargetError, match="start `hil serve` with --control"):
                refused()
        assert device.exchange(ENCRYPT).status is Status.SUCCESS


def test_open_target_takes_the_socket_from_the_name(server: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    target = open_target(f"device:{server.path}")
    assert (type(target), target.name) == (DeviceTarget, "device")
    target.close()
    with pytest.raises(TargetError, match="start `hil serve`"):
        open_target("device:/nowhere/s")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")
    with pytest.raises(TargetError, match=r"/nowhere/hil\.sock: no device answers"):
        open_target("device")


def test_the_default_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert default_socket() == Path("/run/user/7/hil.sock")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_socket().parent == Path(tempfile.gettempdir())


@pytest.mark.parametrize(
    ("greeting", "complaint"),
    [
        (b"SSH-2.0", "no greeting of a device"),
        (b"", "no greeting of a device"),
        (Greeting(State.READY, 0x23000, "/x").encode(), "a device without a window"),
        (Greeting(State.FAILED).encode(), "does not come up"),
    ],
)
def test_what_is_no_device(tmp_path: Path, greeting: bytes, complaint: str) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.bind(str(path))
        stranger.listen()

        def greet() -> None:
            with stranger.accept()[0] as connection:
                connection.send(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(TargetError, match=complaint):
            DeviceConnection(path)
        thread.join()

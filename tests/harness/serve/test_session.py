# SPDX-License-Identifier: GPL-2.0-or-later
"""A session over a socket pair: what each message does, and how it ends."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from harness.default_keys import ENTROPY
from harness.model import Model
from harness.protocol import codec
from harness.protocol.commands import KEY_STORAGE_SIZE, Status
from harness.protocol.device_socket import CLOCK, RING, WORD, Kind, Outcome
from harness.serve.device import Device, DeviceOptions
from harness.serve.session import Ended, serve_session
from harness.targets.window import Window

REQUEST = codec.aes_encrypt(1, b"", b"text")

Start = Callable[..., tuple[socket.socket, "Future[Ended]"]]


@pytest.fixture
def start(device: Device) -> Iterator[Start]:
    """Returns start(control, device): a client's socket, and what the session returns."""
    with ThreadPoolExecutor(1) as pool:
        client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def make(control: bool = False, of: Device = device) -> tuple[socket.socket, Future[Ended]]:
            return client, pool.submit(serve_session, server, of, control)

        with client, server:
            yield make
            client.close()


def answer(client: socket.socket, message: bytes) -> Outcome:
    client.send(message)
    return Outcome(WORD.unpack(client.recv(100))[0])


def test_a_ring_is_answered_when_the_service_waits_again(
    start: Start, memory: memoryview, options: DeviceOptions
) -> None:
    client, session = start()
    window, model = Window(memory), Model(ENTROPY, options.keys)
    for _ in range(3):
        window.post(REQUEST)
        assert answer(client, RING) is Outcome.WAITING
        assert window.take() == model.exchange(REQUEST, 0)
    assert answer(client, RING) is Outcome.WAITING, "without another value of the doorbell nothing happens"
    client.close()
    assert session.result() == Ended(4)


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        b"\0",
        RING[:3],
        RING + b"\0",
        WORD.pack(0),
        WORD.pack(5),
        bytes(KEY_STORAGE_SIZE + 5),
        bytes(200_000),
        WORD.pack(Kind.SET_CLOCK) + bytes(7),
        WORD.pack(Kind.BOOT) + bytes(47),
        WORD.pack(Kind.BOOT) + bytes(49),
        WORD.pack(Kind.SET_KEYS) + bytes(KEY_STORAGE_SIZE + 1),
    ],
    ids=lambda message: f"{message[:5].hex()}-{len(message)}",
)
def test_what_is_no_message_ends_the_session(start: Start, message: bytes, control: bool) -> None:
    client, session = start(control)
    assert answer(client, message) is Outcome.REFUSED
    ended = session.result()
    assert (ended.rings, "is none, or is not allowed" in ended.why) == (0, True)


@pytest.mark.parametrize(
    "message",
    [WORD.pack(Kind.SET_CLOCK) + CLOCK.pack(0), WORD.pack(Kind.SET_KEYS), WORD.pack(Kind.BOOT) + ENTROPY],
    ids=["clock", "keys", "boot"],
)
def test_control_is_for_those_who_are_allowed_it(
    start: Start, message: bytes, memory: memoryview, options: DeviceOptions
) -> None:
    client, session = start(False)
    assert answer(client, message) is Outcome.REFUSED
    assert session.result().why
    client, session = start(True)
    assert answer(client, message) is Outcome.WAITING
    client.close()
    assert session.result() == Ended(0)


def test_control_does_what_it_says(start: Start, memory: memoryview, options: DeviceOptions) -> None:
    client, _ = start(True)
    window, other = Window(memory), bytes(reversed(ENTROPY))

    def status() -> Status:
        window.post(REQUEST)
        assert answer(client, RING) is Outcome.WAITING
        return window.take().status

    assert answer(client, WORD.pack(Kind.SET_CLOCK) + CLOCK.pack(5)) is Outcome.WAITING
    assert [status() for _ in range(101)][99:] == [Status.SUCCESS, Status.RATE_LIMITED]
    assert answer(client, WORD.pack(Kind.BOOT) + other) is Outcome.WAITING
    window.post(REQUEST)
    assert answer(client, RING) is Outcome.WAITING
    assert window.take() == Model(other, options.keys).exchange(REQUEST, 5)
    assert answer(client, WORD.pack(Kind.SET_KEYS)) is Outcome.WAITING
    assert status() is Status.KEY_NOT_FOUND


def test_a_client_that_is_gone_ends_the_session(start: Start) -> None:
    client, session = start()
    for _ in range(50):
        client.send(RING)
    client.close()
    assert session.result().why == ""


@pytest.mark.parametrize(
    ("instruction", "reason"), [(b"\x00\xde", "undefined instruction, in"), (b"\xfe\xe7", "not idle after 100000 ")]
)
def test_a_service_that_stops_is_told_and_ends_the_session(
    start: Start,
    broken: Callable[[str, bytes], Path],
    options: DeviceOptions,
    memory: memoryview,
    monkeypatch: pytest.MonkeyPatch,
    instruction: bytes,
    reason: str,
) -> None:
    monkeypatch.setattr("harness.serve.device.EXCHANGE_BUDGET", 100_000)
    device = Device(replace(options, image=load_image(broken("dispatch", instruction), AN386)), memory)
    device.boot()
    client, session = start(of=device)
    Window(memory).post(REQUEST)
    assert answer(client, RING) is Outcome.STOPPED
    ended = session.result()
    assert ended.why.startswith(f"the service has stopped: {reason}")
    assert "dispatch" in ended.why
    device.close()

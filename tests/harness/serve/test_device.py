# SPDX-License-Identifier: GPL-2.0-or-later
"""A device over lent memory: answers as the model's, clocks, keys, and a client that writes whatever it likes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from emulator.stop import IDLE
from harness.default_keys import AES_KEY_ID, ENTROPY
from harness.model import Model
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.protocol.commands import RATE_CAPACITY, Status
from harness.serve.device import Device, DeviceOptions
from harness.targets.base import TargetStopped
from harness.targets.window import Window

ENCRYPT = codec.aes_encrypt(AES_KEY_ID, b"aad", b"text")


def exchange(device: Device, window: Window, request: bytes = ENCRYPT) -> Response:
    window.post(request)
    assert device.ring() is IDLE
    return window.take()


def test_it_answers_through_the_lent_memory(device: Device, memory: memoryview, options: DeviceOptions) -> None:
    model = Model(ENTROPY, options.keys)
    window = Window(memory)
    for clock in range(0, 5000, 1000):
        assert exchange(device, window) == model.exchange(ENCRYPT, clock)


def test_the_paced_clock_has_always_a_token(device: Device, memory: memoryview) -> None:
    window = Window(memory)
    statuses = {exchange(device, window).status for _ in range(RATE_CAPACITY + 20)}
    assert statuses == {Status.SUCCESS}


def test_a_clock_that_stands_still(device: Device, memory: memoryview) -> None:
    window = Window(memory)
    device.set_clock(7)
    statuses = [exchange(device, window).status for _ in range(RATE_CAPACITY + 1)]
    assert statuses == [Status.SUCCESS] * RATE_CAPACITY + [Status.RATE_LIMITED]
    device.set_clock(7 + 100_000)
    assert exchange(device, window).status is Status.SUCCESS


def test_the_real_clock_goes_on_by_itself(options: DeviceOptions, memory: memoryview) -> None:
    device = Device(replace(options, clock="real"), memory)
    device.boot()
    window = Window(memory)
    while exchange(device, window).status is not Status.RATE_LIMITED:
        pass
    while exchange(device, window).status is Status.RATE_LIMITED:
        pass
    device.close()


def test_entropy_is_fresh_for_each_device_unless_it_is_given(options: DeviceOptions, memory: memoryview) -> None:
    answers = []
    for entropy in (ENTROPY, ENTROPY, None, None):
        device = Device(replace(options, entropy=entropy), memory)
        device.boot()
        answers.append(exchange(device, Window(memory)).payload)
        device.close()
    assert answers[0] == answers[1]
    assert len(set(answers)) == 3


def test_keys_and_boot(device: Device, memory: memoryview, options: DeviceOptions) -> None:
    window = Window(memory)
    first = exchange(device, window)
    device.set_keys(b"")
    assert exchange(device, window).status is Status.KEY_NOT_FOUND
    memory[:] = bytes([0xEE]) * len(memory)
    device.boot(ENTROPY)
    assert not any(memory), "power-on leaves nothing in the window"
    assert exchange(device, window).status is Status.KEY_NOT_FOUND
    device.set_keys(options.keys)
    device.boot(ENTROPY)
    assert exchange(device, window) == first


def test_scribbles_are_answered_or_no_ring(device: Device, memory: memoryview) -> None:
    chance = random.Random(1)
    for _ in range(50):
        memory[:] = chance.randbytes(len(memory))
        assert device.ring() is IDLE
    assert exchange(device, Window(memory)).status is Status.SUCCESS


def test_a_signal_during_the_boot_is_heard_behind_it(device: Device, memory: memoryview) -> None:
    class Heard(Exception):
        pass

    def hear(*_: object) -> None:
        raise Heard

    before = signal.signal(signal.SIGTERM, hear)
    # Of another process: a thread of this one would take the signal itself.
    sender = subprocess.Popen(["sh", "-c", f"sleep 0.05; kill -TERM {os.getpid()}"])
    try:
        with pytest.raises(Heard):  # noqa: PT012
            for _ in range(2000):
                device.boot()
    finally:
        sender.wait()
        signal.signal(signal.SIGTERM, before)
    device.boot()
    assert exchange(device, Window(memory)).status is Status.SUCCESS


def test_a_service_that_does_not_come_up(
    broken: Callable[[str, bytes], Path], options: DeviceOptions, memory: memoryview
) -> None:
    image = load_image(broken("main", b"\x00\xde"), AN386)
    with pytest.raises(TargetStopped, match="does not come up: undefined instruction"):
        Device(replace(options, image=image), memory).boot()

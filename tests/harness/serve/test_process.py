# SPDX-License-Identifier: GPL-2.0-or-later
"""A device's process, by itself: greeting with the window, end with the client, nothing left behind."""

from __future__ import annotations

import array
import mmap
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from harness.protocol.device_socket import GREETING_SIZE, RING, WORD, Greeting, Outcome, State
from harness.serve import window_object
from harness.serve.device import DeviceOptions
from harness.serve.process import Place, run_device

DEVICE_LOG = "log"


class Started:
    """A device's process, and the client's end of its socket."""

    def __init__(self, options: DeviceOptions, folder: Path, server: int) -> None:
        self.client, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.name = window_object.new_name()
        self._log = folder / DEVICE_LOG
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                self.client.close()
                run_device(options, False, Place(7, self.name, server), far, self._say)
                status = 0
            finally:
                os._exit(status)
        far.close()

    def _say(self, line: str) -> None:
        with self._log.open("a") as file:
            file.write(line + "\n")

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def window_exists(self) -> bool:
        return (window_object.OBJECTS / self.name[1:]).exists()

    def end(self) -> int:
        """Exit status, or the signal's number below zero."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def start(options: DeviceOptions, tmp_path: Path) -> Callable[..., Started]:
    def make(of: DeviceOptions = options, server: int | None = None) -> Started:
        return Started(of, tmp_path, os.getpid() if server is None else server)

    return make


def test_greeting_service_and_end(start: Callable[..., Started]) -> None:
    device = start()
    data, descriptors, _, _ = socket.recv_fds(device.client, GREETING_SIZE + 1, 2)
    assert Greeting.decode(data) == Greeting(State.READY, AN386.window.size, device.name)
    with mmap.mmap(descriptors[0], AN386.window.size) as window:
        assert not any(window[:])
    assert array.array("i", descriptors).buffer_info()[1] == 1
    assert device.window_exists
    device.client.send(RING)
    assert device.client.recv(4) == WORD.pack(Outcome.WAITING)
    device.client.close()
    assert device.end() == 0
    assert not device.window_exists
    assert device.log.splitlines() == [
        f"device 7: process {device.pid}, window {device.name}",
        "device 7: ended after 1 rings",
    ]


def test_a_service_that_fails_is_greeted_so(
    start: Callable[..., Started], options: DeviceOptions, broken: Callable[[str, bytes], Path]
) -> None:
    device = start(replace(options, image=load_image(broken("main", b"\x00\xde"), AN386)))
    data, descriptors, _, _ = socket.recv_fds(device.client, GREETING_SIZE + 1, 2)
    assert (Greeting.decode(data).state, descriptors) == (State.FAILED, [])
    assert device.end() == 0
    assert "device 7: did not come up" in device.log
    assert not device.window_exists


def test_the_servers_signal_ends_it(start: Callable[..., Started]) -> None:
    device = start()
    device.client.recv(GREETING_SIZE)
    os.kill(device.pid, signal.SIGINT)
    os.kill(device.pid, signal.SIGTERM)
    assert device.end() == 0
    assert not device.window_exists


def test_a_server_that_is_gone_already_gets_no_device(start: Callable[..., Started]) -> None:
    device = start(server=1)
    assert device.client.recv(GREETING_SIZE) == b""
    assert device.end() == 0
    assert not device.window_exists

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a device's process does: make the window, boot, greet the client, serve it, and leave nothing behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final

from harness.protocol.device_socket import Greeting, State
from harness.serve import window_object
from harness.serve.device import Device, DeviceOptions
from harness.serve.session import serve_session
from harness.targets.base import TargetStopped

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A device's number, which its log lines begin with, the name of its window, and the server's process."""

    number: int
    window: str
    server: int


class _EndedError(Exception):
    """The server wants it, or is gone."""


def run_device(
    options: DeviceOptions, control: bool, place: Place, connection: socket.socket, log: Callable[[str], None]
) -> None:
    """Serves the client from greeting to end; to be called in a process of its own, which is over then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, _end)
    try:
        _end_with(place.server)
        descriptor, memory = window_object.create(place.window, options.board.window.size)
        device = Device(options, memory)
        device.boot()
        greeting = Greeting(State.READY, len(memory), place.window, control)
        socket.send_fds(connection, [greeting.encode()], [descriptor])
        os.close(descriptor)
        log(f"device {place.number}: process {os.getpid()}, window {place.window}")
        ended = serve_session(connection, device, control)
        log(f"device {place.number}: ended after {ended.rings} rings" + (f": {ended.why}" if ended.why else ""))
    except _EndedError:
        return
    except (TargetStopped, OSError) as error:
        log(f"device {place.number}: did not come up: {error}")
        refuse(connection, State.FAILED)
    finally:
        window_object.unlink(place.window)


def refuse(connection: socket.socket, state: State) -> None:
    """A greeting to a client that gets no device, and may be gone."""
    try:
        connection.send(Greeting(state).encode(), socket.MSG_DONTWAIT)
    except OSError:
        return


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _EndedError


def _end_with(server: int) -> None:
    """Have SIGTERM sent to this process when the server ends, however it does. Raises _EndedError if it has already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != server:
        raise _EndedError

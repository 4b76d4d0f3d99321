# SPDX-License-Identifier: GPL-2.0-or-later
"""One client's connection: its messages answered by its device, until either ends."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from emulator.stop import IDLE
from harness.protocol.commands import ENTROPY_SIZE, KEY_STORAGE_SIZE
from harness.protocol.device_socket import CLOCK, MESSAGE_LIMIT, RING, WORD, Kind, Outcome
from harness.serve.device import Device
from harness.targets.base import TargetStopped
from harness.targets.emulated import describe

_WAITING = WORD.pack(Outcome.WAITING)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session ended: the rings it has served, and why it was not the client who ended it, if it was not."""

    rings: int
    why: str = ""


def serve_session(connection: socket.socket, device: Device, control: bool) -> Ended:
    """Answers each message; `control` allows those that change clock and keys, and boot.

    Whatever the client does ends at worst its own session: one that does not read its answers blocks it, one that is
    gone ends it, one that sends anything else than a message is refused. A device that has stopped is told and ended.
    """
    # One byte more than any message has, so that a longer one is not taken for its beginning.
    buffer = bytearray(MESSAGE_LIMIT + 1)
    receive, send, ring = connection.recv_into, connection.send, device.ring
    rings = 0
    try:
        while size := receive(buffer):
            if size == len(RING) and buffer.startswith(RING):
                rings += 1
                stop = ring()
                if stop is not IDLE:
                    _tell(connection, Outcome.STOPPED)
                    return Ended(rings, f"the service has stopped: {describe(stop)}")
            else:
                try:
                    allowed = control and _change(device, bytes(buffer[:size]))
                except TargetStopped as stopped:
                    _tell(connection, Outcome.STOPPED)
                    return Ended(rings, stopped.description)
                if not allowed:
                    _tell(connection, Outcome.REFUSED)
                    return Ended(rings, f"a message of {size} bytes that is none, or is not allowed")
            send(_WAITING)
    except (BrokenPipeError, ConnectionResetError):
        return Ended(rings)
    return Ended(rings)


def _change(device: Device, message: bytes) -> bool:
    """What only a bench may ask for. False: the message is none. Raises TargetStopped from a boot that fails."""
    if len(message) < WORD.size:
        return False
    (kind,) = WORD.unpack_from(message)
    body = message[WORD.size :]
    if kind == Kind.SET_CLOCK and len(body) == CLOCK.size:
        device.set_clock(CLOCK.unpack(body)[0])
    elif kind == Kind.SET_KEYS and len(body) <= KEY_STORAGE_SIZE:
        device.set_keys(body)
    elif kind == Kind.BOOT and len(body) == ENTROPY_SIZE:
        device.boot(body)
    else:
        return False
    return True


def _tell(connection: socket.socket, outcome: Outcome) -> None:
    """The last word, to a client that may be gone."""
    try:
        connection.send(WORD.pack(outcome), socket.MSG_DONTWAIT)
    except OSError:
        return

# SPDX-License-Identifier: GPL-2.0-or-later
"""A conversation with a stub: commands out, replies in, each within a time; whatever goes wrong is one clear line.

Commands of one call are sent together before the first reply is read: what a stub can be told in a row costs one round
trip. Where a stub wants its packets acknowledged (QEMU 7.2 does), the acknowledgement goes out ahead, between the
commands: in the stream that the stub reads it stands where it belongs. A socket damages nothing, so that nothing is
ever repeated; a damaged packet is the stub's fault, and the end.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Final, NoReturn

from emulator.gdbserver.packets import PacketError, frame
from harness.targets.base import TargetLost
from harness.targets.gdb_remote.packets import (
    ACKNOWLEDGE,
    INTERRUPT,
    Acknowledgement,
    PacketReader,
)

_RECEIVE: Final = 1 << 16
_IN_FLIGHT: Final = 48  # packets: enough to fill the way, few enough that no side waits for the other with full buffers
_SHOWN: Final = 40  # bytes of a command or reply in a message


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, for the reply to a command, for a boot, for the answer to a request of any operation.

    The longest answer is that of a slow core that signs with many rejections (IPC-6).
    """

    connect: float = 5.0
    reply: float = 30.0
    boot: float = 60.0
    exchange: float = 120.0


def connect(host: str, port: int, timeouts: Timeouts) -> socket.socket:
    """A socket to a stub. Raises TargetLost when nothing listens there."""
    try:
        made = socket.create_connection((host, port), timeouts.connect)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise TargetLost(f"{host}:{port}: no stub answers there ({why}); start it, or correct HOST:PORT") from None
    return made


class Connection:
    """One conversation. `name` is how messages call the other side.

    Every method raises TargetLost when the stub dies, stalls or sends what is no packet; after that nothing else works.
    """

    def __init__(self, link: socket.socket, name: str, timeouts: Timeouts | None = None) -> None:
        self.name = name
        self.timeouts = timeouts or Timeouts()
        self.round_trips = 0
        self._link = link
        self._reader = PacketReader()
        self._acknowledgement = ACKNOWLEDGE
        self._owed = b""  # the acknowledgement of what has come last, which goes out with what is sent next
        self._lost = ""

    def start(self) -> None:
        """Agree on packets without acknowledgement where the stub can; the line is known to be reliable."""
        if self.ask(b"QStartNoAckMode") == [b"OK"]:
            self._send(self._owed)  # this reply is still acknowledged
            self._acknowledgement = self._owed = b""

    def ask(self, *commands: bytes, timeout: float | None = None) -> list[bytes]:
        """The replies to commands, in their order."""
        replies: list[bytes] = []
        for begin in range(0, len(commands), _IN_FLIGHT):
            part = commands[begin : begin + _IN_FLIGHT]
            self.send(*part)
            for command in part:
                reply = self.receive(timeout or self.timeouts.reply)
                if reply is None:
                    seconds = timeout or self.timeouts.reply
                    self.lose(f"has not answered {shown(command)} for {seconds:g} s")
                replies.append(reply)
        return replies

    def send(self, *commands: bytes) -> None:
        """Send commands; their replies are the caller's to receive."""
        self.round_trips += 1
        self._send(self._owed + self._acknowledgement.join(map(frame, commands)))
        self._owed = b""

    def receive(self, seconds: float) -> bytes | None:
        """The next packet; None when none has come within `seconds`."""
        until = time.monotonic() + seconds
        while True:
            try:
                found = self._next(until)
            except PacketError as error:
                self.lose(f"cannot be understood: {error}")
            if found is Acknowledgement.BAD:
                self.lose("says that what it was sent is damaged")
            if isinstance(found, Acknowledgement):
                continue
            if found is not None:
                self._owed = self._acknowledgement
            return found

    def interrupt(self) -> None:
        """Ask a running target to stop; the stop is the next packet to receive."""
        self.round_trips += 1
        self._send(INTERRUPT)

    def lose(self, what: str) -> NoReturn:
        """Give the conversation up; `what` goes behind the stub's name."""
        self._lost = f"{self.name} {what}"
        self.close()
        raise TargetLost(self._lost)

    def close(self) -> None:
        """Hang up; calling it twice does no harm."""
        self._lost = self._lost or f"{self.name}: the connection is closed"
        self._link.close()

    def _send(self, content: bytes) -> None:
        if self._lost:
            raise TargetLost(self._lost)
        try:
            self._link.settimeout(self.timeouts.reply)
            self._link.sendall(content)
        except TimeoutError:
            self.lose(f"takes nothing for {self.timeouts.reply:g} s")
        except OSError as error:
            self.lose(f"is gone ({error.strerror or error})")

    def _next(self, until: float) -> bytes | Acknowledgement | None:
        """The next packet or acknowledgement, None at the time `until`. Raises PacketError."""
        while True:
            if self._lost:
                raise TargetLost(self._lost)
            found = self._reader.next()
            if found is not None:
                return found
            left = until - time.monotonic()
            if left <= 0:
                return None
            received = b""
            try:
                self._link.settimeout(left)
                received = self._link.recv(_RECEIVE)
            except TimeoutError:
                return None
            except OSError as error:
                self.lose(f"is gone ({error.strerror or error})")
            if not received:
                self.lose("has closed the connection")
            self._reader.feed(received)


def shown(text: bytes) -> str:
    """A command or a reply in a message: printable and short."""
    printable = text[:_SHOWN].decode("ascii", "backslashreplace")
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in printable)
    return f"`{printable}{'...' if len(text) > _SHOWN else ''}`"

# SPDX-License-Identifier: GPL-2.0-or-later
"""A stub of the tests' own: a server on a loopback port that does what its handler says, misbehaving included."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from emulator.gdbserver.packets import frame as packet
from harness.targets.gdb_remote.connection import Connection, Timeouts, connect
from harness.targets.gdb_remote.packets import PacketReader

QUICK = Timeouts(connect=2.0, reply=0.3, boot=0.5, exchange=0.5)

# What a handler returns: a reply's data, a list with bytes to send as they are, None for no reply, "hang up".
Handler = Callable[[bytes], object]

_REGISTERS = "".join(f'<reg name="{n}" bitsize="32"/>' for n in [*(f"r{i}" for i in range(13)), "sp", "lr", "pc"])
DESCRIPTION = (
    f'<?xml version="1.0"?><target><feature name="org.gnu.gdb.arm.m-profile">{_REGISTERS}'
    '<reg name="xPSR" bitsize="32" regnum="25"/></feature></target>'
).encode()


def sound(command: bytes) -> object:
    """A stub with a core that holds nothing but zeros and never stops."""
    if command.startswith(b"qSupported"):
        return b"PacketSize=1000;qXfer:features:read+;QStartNoAckMode+"
    if command.startswith(b"qXfer:features:read:target.xml:"):
        offset, size = (int(part, 16) for part in command.split(b":")[-1].split(b","))
        part = DESCRIPTION[offset : offset + size]
        return (b"m" if offset + size < len(DESCRIPTION) else b"l") + part
    if command == b"?":
        return b"S05"
    if command == b"g":
        return b"00" * 68
    if command[:1] == b"m":
        return b"00" * int(command.split(b",")[1], 16)
    if command[:1] in (b"M", b"P", b"Z", b"z") or command.startswith((b"QStart", b"qRcmd")):
        return b"OK"
    return None if command[:1] in (b"c", b"\x03") else b""


class Server:
    """Serves one connection in a thread; `heard` are the commands."""

    def __init__(self, handler: Handler) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self._handler = handler
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:  # closed before the connection was taken
            return
        reader = PacketReader()
        with link:
            while received := self._receive(link):
                if received == b"\x03":  # a byte that may also stand in a packet
                    self._answer(link, received)
                    continue
                reader.feed(received)
                while (found := reader.next()) is not None:
                    if isinstance(found, bytes) and not self._answer(link, found):
                        return

    @staticmethod
    def _receive(link: socket.socket) -> bytes:
        try:
            return link.recv(65536)
        except OSError:
            return b""

    def _answer(self, link: socket.socket, command: bytes) -> bool:
        self.heard.append(command)
        reply = self._handler(command)
        if reply == "hang up":
            return False
        content = b"".join(reply) if isinstance(reply, list) else packet(reply) if isinstance(reply, bytes) else b""
        try:
            link.sendall(content)
        except OSError:  # nobody is there any more
            return False
        return True

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)
        assert not self._thread.is_alive()


@pytest.fixture
def sound_stub() -> Handler:
    """See `sound`."""
    return sound


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Server]]:
    """Starts servers, and sees to it that each connection has ended when the test has."""
    servers: list[Server] = []

    def start(handler: Handler) -> Server:
        servers.append(Server(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def talk(serve: Callable[[Handler], Server]) -> Iterator[Callable[[Handler], Connection]]:
    """A connection to a server with this handler."""
    made: list[Connection] = []

    def start(handler: Handler) -> Connection:
        made.append(Connection(connect("127.0.0.1", serve(handler).port, QUICK), "the stub", QUICK))
        return made[-1]

    yield start
    for connection in made:
        connection.close()

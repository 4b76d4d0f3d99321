# SPDX-License-Identifier: GPL-2.0-or-later
"""The socket: one client at a time, the next one in order, a port that is taken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from emulator.gdbserver.monitor import commands
from emulator.gdbserver.packets import encode
from emulator.gdbserver.server import HOST, Server, ServerError
from emulator.gdbserver.stub import Stub
from emulator.gdbserver.timeline import Timeline

Guest = Callable[..., Timeline]
FOR_EVER = (0xE7FE,)


@contextmanager
def served(stub: Stub) -> Iterator[int]:
    """A server's port, in a thread; a client has to kill the target in the end."""
    server = Server(0)
    thread = threading.Thread(target=server.serve, args=(stub,), daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        with socket.create_connection((HOST, server.port)) as client:
            client.sendall(encode(b"k"))
            thread.join(timeout=60)
        server.close()
        assert not thread.is_alive()


def read(client: socket.socket, ending: bytes) -> bytes:
    data = b""
    while not data.endswith(ending):
        more = client.recv(4096)
        assert more, data
        data += more
    return data


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    first = Server(0)
    with pytest.raises(ServerError, match=rf"port {first.port} is taken: name another one with --port, or 0"):
        Server(first.port)
    first.close()


def test_clients_come_and_go(guest: Guest) -> None:
    with served(Stub(guest(*FOR_EVER), commands())) as port:
        for _ in range(2):
            with socket.create_connection((HOST, port)) as client:
                client.sendall(encode(b"qC"))
                assert read(client, encode(b"QC1"))
        with socket.create_connection((HOST, port)) as client:
            client.sendall(encode(b"c"))  # and it is gone while the target runs
        with socket.create_connection((HOST, port)) as client:
            client.sendall(encode(b"D"))
            assert read(client, encode(b"OK"))


def test_an_interrupt_is_heard_while_the_target_runs(guest: Guest) -> None:
    with served(Stub(guest(*FOR_EVER), commands())) as port, socket.create_connection((HOST, port)) as client:
        client.sendall(encode(b"c"))
        read(client, b"+")
        client.sendall(b"\x03")
        assert read(client, encode(b"T02thread:1;"))


def test_a_second_client_is_sent_away_at_once(guest: Guest) -> None:
    with served(Stub(guest(*FOR_EVER), commands())) as port, socket.create_connection((HOST, port)) as client:
        client.sendall(encode(b"qC"))
        read(client, encode(b"QC1"))
        for _ in range(2):
            with socket.create_connection((HOST, port)) as other:
                assert other.recv(1) == b""
            client.sendall(encode(b"c"))  # the same while it runs

# SPDX-License-Identifier: GPL-2.0-or-later
"""Serves sessions on a socket, one client at a time. Whatever a client does, the next one finds the system in order."""

from __future__ import annotations

import errno
import select
import socket
from typing import Final

from emulator.errors import EmulatorError
from emulator.gdbserver.session import Session
from emulator.gdbserver.stub import Stub

HOST: Final = "127.0.0.1"  # a debugger may do everything: it is nobody's business outside this machine
_CHUNK: Final = 1 << 16
_PATIENCE: Final = 10.0  # seconds for a client to take what it has asked for


class ServerError(EmulatorError):
    """No socket to serve on; the message says what to do."""


class Server:
    """Listens from the beginning on; port 0 takes a free one, which `port` tells."""

    def __init__(self, port: int) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((HOST, port))
            self._listener.listen(1)
        except OSError as error:
            self._listener.close()
            taken = error.errno == errno.EADDRINUSE
            why = "is taken" if taken else f"cannot be used ({error.strerror})"
            raise ServerError(f"port {port} {why}: name another one with --port, or 0 for any that is free") from error

    @property
    def port(self) -> int:
        """Where clients find it."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def serve(self, stub: Stub) -> None:
        """Serve one client after the other, until one kills the target."""
        while True:
            client, _address = self._listener.accept()
            with client:
                if self._serve_client(client, stub):
                    return

    def _serve_client(self, client: socket.socket, stub: Stub) -> bool:
        """True if the client has killed the target."""
        client.settimeout(_PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(stub)
        try:
            while session.ended is None:
                if self._wait_for(client, None if not session.running else 0):
                    data = client.recv(_CHUNK)
                    if not data:
                        return False
                    client.sendall(session.receive(data))
                client.sendall(session.work())
            return session.ended
        except OSError:  # it has gone, or takes nothing any more
            return False
        finally:
            session.close()

    def _wait_for(self, client: socket.socket, seconds: float | None) -> bool:
        """Whether the client has sent something, or gone; None waits for that. Whoever else comes is sent away."""
        while True:
            ready, _, _ = select.select([client, self._listener], [], [], seconds)
            if client in ready:  # first: where it has gone, the other one is the next
                return True
            if self._listener in ready:
                self._listener.accept()[0].close()
            if seconds is not None:
                return False

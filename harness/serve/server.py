# SPDX-License-Identifier: GPL-2.0-or-later
"""The server: accepts clients and gives each a device in a process of its own, which nothing that happens in another
can reach. It holds no connection itself, and waits for nobody.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.protocol.device_socket import State
from harness.serve import window_object
from harness.serve.device import DeviceOptions
from harness.serve.listener import listening
from harness.serve.process import Log, Place, refuse, run_device

GRACE: Final = 2.0  # seconds that a device has to end, which it needs only in the middle of a long run
_POLL: Final = 0.01
_END: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to serve what to whom. `control`: clients may set their device's clock and keys, and boot it."""

    path: Path
    device: DeviceOptions
    max_clients: int = 16
    control: bool = False


def serve(options: ServeOptions, log: Log, ready: Callable[[], None] = lambda: None) -> None:
    """Serves until SIGINT or SIGTERM, and leaves no process, socket or shared-memory object behind.

    `ready` is called once clients can connect; `log` gets a line for each event, from the devices' processes too. Runs
    in the main thread of a process with no other. Raises TargetError where the socket cannot be made.
    """
    with listening(options.path) as listener, _signals() as signals:
        server = _Server(options, log, listener, signals)
        try:
            ready()
            server.run()
        finally:
            server.end()


class _Server:
    def __init__(self, options: ServeOptions, log: Log, listener: socket.socket, signals: socket.socket) -> None:
        self._options = options
        self._log = log
        self._listener = listener
        self._signals = signals
        self._children: dict[int, Place] = {}
        self._count = 0

    def run(self) -> None:
        """Until a signal says that it is enough."""
        while True:
            ready, _, _ = select.select([self._listener, self._signals], [], [])
            if self._signals in ready:
                numbers = self._signals.recv(256)
                self._reap()
                if any(number in _END for number in numbers):
                    return
            if self._listener in ready:
                self._accept()

    def end(self) -> None:
        """End every device."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._children:
                os.kill(pid, number)
            until = time.monotonic() + GRACE
            while self._children and time.monotonic() < until:
                self._reap()
                time.sleep(_POLL)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            if not isinstance(error, BlockingIOError | ConnectionAbortedError):
                self._log(f"a client was not accepted: {error}")
                time.sleep(_POLL)  # it is still in the queue
            return
        with connection:
            self._reap()
            if len(self._children) >= self._options.max_clients:
                self._log(f"a client was refused: {self._options.max_clients} devices are in use")
                refuse(connection, State.BUSY)
                return
            self._count += 1
            place = Place(self._count, window_object.new_name(), os.getpid())
            try:
                pid = os.fork()
            except OSError as error:
                self._log(f"a client was refused: no process for its device ({error.strerror})")
                refuse(connection, State.FAILED)
                return
            if pid == 0:
                self._be_device(connection, place)
            self._children[pid] = place

    def _be_device(self, connection: socket.socket, place: Place) -> None:
        """The rest of a device's process."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            self._listener.close()
            self._signals.close()
            run_device(self._options.device, self._options.control, place, connection, self._log)
            status = 0
        except Exception:
            self._log(f"device {place.number}: {traceback.format_exc()}")
        finally:
            os._exit(status)

    def _reap(self) -> None:
        for pid, place in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended == 0:
                continue
            del self._children[pid]
            window_object.unlink(place.window)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGTERM:
                name = signal.Signals(os.WTERMSIG(status)).name
                self._log(f"device {place.number}: its process was ended by {name}")


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket from which the numbers of signals can be read, of a child's end too, as long as the block lasts."""
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    numbers = (*_END, signal.SIGCHLD)
    with receiver, sender:
        handlers = {number: signal.signal(number, lambda *_: None) for number in numbers}
        before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield receiver
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)

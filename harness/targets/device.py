# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual device of `hil serve` as a target, and as a client for programs in Python: the standard library is enough.

with DeviceTarget() as device:
    print(device.exchange(codec.aes_encrypt(1, b"aad", b"text")))
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness.protocol.codec import Response
from harness.protocol.commands import WINDOW_SIZE
from harness.protocol.device_socket import (
    CLOCK,
    GREETING_SIZE,
    RING,
    WORD,
    DeviceMessageError,
    Greeting,
    Kind,
    Outcome,
    State,
)
from harness.targets.base import CLOCK as CLOCK_CAPABILITY
from harness.targets.base import RESET, TargetError, TargetStopped
from harness.targets.window import NoAnswerError, Window

# What the gateway firmware gives the service (docs/architecture.md), and more than any budget of a run takes.
TIMEOUT_S: Final = 60

_TIMEVAL: Final = struct.Struct("@ll")
_NOT_READY: Final = {
    State.BUSY: "every device is in use; end a client, or start `hil serve` with more --max-clients",
    State.FAILED: "the service does not come up; the server's output says why",
}


def default_socket() -> Path:
    """Where `hil serve` listens unless it is told: in the user's runtime folder, or in the one for temporary files."""
    folder = os.environ.get("XDG_RUNTIME_DIR")
    return Path(folder, "hil.sock") if folder else Path(tempfile.gettempdir(), f"hil-{os.getuid()}.sock")


class DeviceConnection:
    """A connection to a device of one's own: its window, and the way to ring.

    `window` is shared memory: the device's board sees at once what is written there. Raises TargetError where no server
    answers at `path` or has no device left, and when the connection breaks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # By the socket's own timeout: Python's would cost a poll() a message.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(TIMEOUT_S, 0))
        try:
            self._connect()
        except BaseException:
            self._socket.close()
            raise

    def _connect(self) -> None:
        try:
            self._socket.connect(str(self._path))
            data, descriptors, _, _ = socket.recv_fds(self._socket, GREETING_SIZE + 1, 1)
        except OSError as error:
            raise TargetError(f"{self._path}: no device answers ({error.strerror}); start `hil serve`") from None
        try:
            self.greeting = Greeting.decode(data)
            if self.greeting.state is not State.READY:
                raise TargetError(f"{self._path}: {_NOT_READY[self.greeting.state]}")
            if len(descriptors) != 1 or self.greeting.window_size < WINDOW_SIZE:
                raise TargetError(f"{self._path}: a device without a window, or with one that is too small")
            self._memory = mmap.mmap(descriptors[0], self.greeting.window_size)
        except DeviceMessageError as error:
            raise TargetError(f"{self._path}: {error}; is it the socket of `hil serve`?") from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self.window = memoryview(self._memory)

    def fileno(self) -> int:
        """Of the socket, for select()."""
        return self._socket.fileno()

    def ring(self) -> None:
        """Signal, and return when the service waits again. Raises TargetStopped when it does not."""
        self.send(RING)

    def send(self, message: bytes) -> None:
        """Send any message and take its answer. Raises TargetStopped, and TargetError for one that is refused."""
        try:
            self._socket.send(message)
            answer = self._socket.recv(WORD.size)
        except BlockingIOError:
            raise TargetStopped(f"no answer within {TIMEOUT_S} seconds") from None
        except OSError as error:
            raise TargetError(f"{self._path}: {error.strerror}; has `hil serve` ended?") from None
        if len(answer) != WORD.size:
            raise TargetError(f"{self._path}: the device has hung up; the server's output says why")
        (outcome,) = WORD.unpack(answer)
        if outcome == Outcome.STOPPED:
            raise TargetStopped("the service has stopped; the server's output says how")
        if outcome != Outcome.WAITING:
            raise TargetError(f"{self._path}: the device refuses that; start `hil serve` with --control")

    def close(self) -> None:
        """Hang up: the device ends, and its window's name with it. Whoever holds a view of the window keeps it."""
        self._socket.close()


class DeviceTarget:
    """Target on a virtual device, which is booted already and whose clock is the server's matter.

    Where the server allows it (`hil serve --control`) it has the capabilities clock and reset, and can be judged.
    """

    name = "device"

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_socket()
        self._open()

    def _open(self) -> None:
        self.connection: DeviceConnection | None = DeviceConnection(self._path)
        self._control = self.connection.greeting.control
        self.window = Window(self.connection.window)
        self._ring = self.connection.ring

    @property
    def capabilities(self) -> frozenset[str]:
        """See Target.capabilities."""
        return frozenset({CLOCK_CAPABILITY, RESET}) if self._control else frozenset()

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot. A device that has stopped is replaced by a new one, whose clock begins anew."""
        if self.connection is None:
            self._open()
        self._command(Kind.SET_KEYS, key_image)
        self._command(Kind.BOOT, entropy)

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        if self.connection is None:
            raise TargetStopped("the device has stopped before")
        self.window.post(request)
        try:
            self._ring()
            return self.window.take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None
        except TargetStopped:
            self.close()
            raise

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        try:
            self._command(Kind.SET_CLOCK, CLOCK.pack(microseconds))
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        self._command(Kind.SET_KEYS, image)

    def close(self) -> None:
        """See Target.close."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _command(self, kind: Kind, body: bytes) -> None:
        if not self._control:
            raise TargetError(f"{self._path}: the server lets clients only ring; start `hil serve` with --control")
        if self.connection is None:
            self._open()
        assert self.connection is not None
        self.connection.send(WORD.pack(kind) + body)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client and its virtual device say to each other over their socket (docs/virtual-device.md); bytes, no I/O.

The socket keeps the borders of messages (SOCK_SEQPACKET), so that there are no parts of messages. The device begins
with a greeting; then each message of the client gets one answer, an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from harness.protocol.commands import ENTROPY_SIZE, KEY_STORAGE_SIZE

MAGIC: Final = b"HILD"
VERSION: Final = 1
NAME_SIZE: Final = 48
CONTROL: Final = 1  # flag of the greeting: the messages behind RING are allowed

WORD: Final = Struct("<I")
CLOCK: Final = Struct("<Q")
_GREETING: Final = Struct(f"<4sHHII{NAME_SIZE}s")  # magic, version, state, window size, flags, name
GREETING_SIZE: Final = _GREETING.size


class DeviceMessageError(ValueError):
    """Bytes that are no greeting."""


class State(IntEnum):
    """What the greeting says of the device."""

    READY = 0
    BUSY = 1  # every place is taken
    FAILED = 2  # the service does not come up, or there is no memory


class Kind(IntEnum):
    """What a client wants: the first word of its message."""

    RING = 1  # nothing follows
    SET_CLOCK = 2  # u64, microseconds
    SET_KEYS = 3  # key storage image of at most 45056 bytes
    BOOT = 4  # 48 bytes of entropy


class Outcome(IntEnum):
    """What became of it: the only word of the answer. The connection ends behind all but the first."""

    WAITING = 0  # done; the service waits for the next signal
    STOPPED = 1  # the service has faulted or hangs
    REFUSED = 2  # no such message, or not allowed


MESSAGE_LIMIT: Final = WORD.size + max(KEY_STORAGE_SIZE, ENTROPY_SIZE, CLOCK.size)
RING: Final = WORD.pack(Kind.RING)


@dataclass(frozen=True, slots=True)
class Greeting:
    """The device's first message. `name` is that of the shared-memory object, as shm_open(3) takes it.

    With READY comes the object's descriptor (SCM_RIGHTS); otherwise there is none, and size and name are empty.
    """

    state: State
    window_size: int = 0
    name: str = ""
    control: bool = False

    def encode(self) -> bytes:
        """GREETING_SIZE bytes."""
        flags = CONTROL if self.control else 0
        return _GREETING.pack(MAGIC, VERSION, self.state, self.window_size, flags, self.name.encode("ascii"))

    @classmethod
    def decode(cls, data: bytes) -> Greeting:
        """The greeting that `data` is. Raises DeviceMessageError for anything else."""
        if len(data) != GREETING_SIZE:
            raise DeviceMessageError(f"{len(data)} bytes are no greeting of a device")
        magic, version, state, window_size, flags, name = _GREETING.unpack(data)
        if magic != MAGIC or version != VERSION:
            raise DeviceMessageError(f"no greeting of a device, or one of another version than {VERSION}")
        try:
            return cls(State(state), window_size, name.rstrip(b"\0").decode("ascii"), bool(flags & CONTROL))
        except ValueError as error:
            raise DeviceMessageError(f"a greeting that no device sends: {error}") from None

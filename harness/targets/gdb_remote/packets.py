# SPDX-License-Identifier: GPL-2.0-or-later
"""What a debugger reads of the GDB remote serial protocol, without I/O; emulator.gdbserver.packets has the framing."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from emulator.gdbserver.packets import PacketError, checksum, unescape

_START, _END, _NOTIFICATION = b"$", b"#", b"%"
_MAX_PACKET: Final = 1 << 24


class Acknowledgement(Enum):
    """What the other side says of a packet that it was sent."""

    GOOD = b"+"
    BAD = b"-"


ACKNOWLEDGE: Final = Acknowledgement.GOOD.value
INTERRUPT: Final = b"\x03"


class PacketReader:
    """Takes what arrives, in pieces of any size, and gives packets' data and acknowledgements back.

    Notifications, which nobody has asked for, are passed over.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> None:
        """Take what has arrived."""
        self._buffer += received

    def next(self) -> bytes | Acknowledgement | None:
        """The next packet's data, decoded, or acknowledgement; None when more has to arrive first.

        Raises PacketError for a wrong checksum, a byte outside packets, and a packet without end; what was wrong is
        gone, so that the next call goes on behind it.
        """
        buffer = self._buffer
        while buffer:
            first = bytes(buffer[:1])
            if first in b"+-":
                del buffer[:1]
                return Acknowledgement(first)
            if first not in (_START, _NOTIFICATION):
                del buffer[:1]
                raise PacketError(f"the byte 0x{first[0]:02x} is outside of packets")
            end = buffer.find(_END)
            if end < 0 or len(buffer) < end + 3:
                if len(buffer) > _MAX_PACKET:
                    buffer.clear()
                    raise PacketError(f"a packet does not end after {_MAX_PACKET} bytes")
                return None
            data, digits = bytes(buffer[1:end]), bytes(buffer[end + 1 : end + 3])
            del buffer[: end + 3]
            if not re.fullmatch(rb"[0-9a-fA-F]{2}", digits) or int(digits, 16) != checksum(data):
                raise PacketError(f"a packet of {len(data)} bytes has a wrong checksum")
            if first == _START:
                return unescape(data, _MAX_PACKET)
        return None

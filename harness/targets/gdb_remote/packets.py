# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets of the GDB remote serial protocol as bytes; no I/O ("Overview" of the protocol in GDB's manual, appendix E).

A packet is `$`, data, `#` and the sum of the data modulo 256 as two hexadecimal digits. In the data `}` goes before a
byte that is sent XOR 0x20, and in what a stub sends `X*n` stands for X and ord(n) - 29 more of it.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

_START, _END, _ESCAPE, _REPEAT, _NOTIFICATION = b"$", b"#", b"}", b"*", b"%"
_FLIP: Final = 0x20
_MUST_ESCAPE: Final = re.compile(rb"[#$}*]")
_REPEAT_BASE: Final = 29
_REPEAT_MIN: Final = 32  # printable: no less than three more
_MAX_PACKET: Final = 1 << 24


class PacketError(Exception):
    """What came is no packet."""


class Acknowledgement(Enum):
    """What the other side says of a packet that it was sent."""

    GOOD = b"+"
    BAD = b"-"


ACKNOWLEDGE: Final = Acknowledgement.GOOD.value
INTERRUPT: Final = b"\x03"


def escape(data: bytes) -> bytes:
    """Binary data as it may stand in a packet."""
    return _MUST_ESCAPE.sub(lambda found: b"}%c" % (found[0][0] ^ _FLIP), data)


def packet(data: bytes) -> bytes:
    """The packet round `data`, which is escaped where it has to be."""
    return b"$%b#%02x" % (data, sum(data) & 0xFF)


def decode(data: bytes) -> bytes:
    """Data of a packet without escapes and repetitions. Raises PacketError where one is cut off or repeats nothing."""
    if _ESCAPE not in data and _REPEAT not in data:
        return data
    plain = bytearray()
    position = 0
    while position < len(data):
        byte = data[position : position + 1]
        position += 1
        if byte not in (_ESCAPE, _REPEAT):
            plain += byte
            continue
        if position == len(data):
            raise PacketError(f"a packet ends behind {byte.decode()}")
        operand = data[position]
        position += 1
        if byte == _ESCAPE:
            plain.append(operand ^ _FLIP)
        elif not plain or operand < _REPEAT_MIN:
            raise PacketError("a packet repeats what is not there")
        else:
            plain += plain[-1:] * (operand - _REPEAT_BASE)
    return bytes(plain)


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
            if not re.fullmatch(rb"[0-9a-fA-F]{2}", digits) or int(digits, 16) != sum(data) & 0xFF:
                raise PacketError(f"a packet of {len(data)} bytes has a wrong checksum")
            if first == _START:
                return decode(data)
        return None

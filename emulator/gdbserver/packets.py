# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets of the GDB remote serial protocol as bytes and as values; no I/O, and neither side's own meaning.

The framing is that of the GDB manual, appendix E.1: `$payload#checksum`, with acknowledgements, an escape byte, and
runs of equal bytes cut short.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

INTERRUPT_BYTE: Final = 0x03
ESCAPE: Final = 0x7D
RUN: Final = ord("*")

_SPECIAL: Final = b"$#}*"
_ESCAPED: Final = 0x20
_RUN_BIAS: Final = 29  # a run's count is sent as a printable character
_PAYLOAD_MAX: Final = 1 << 17


class PacketError(ValueError):
    """Bytes that are no payload: an escape or a run without what belongs to it."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A payload that arrived whole, escapes and runs undone."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Something between `$` and a checksum that is not right: to be sent again."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The other side has got the last packet, or asks for it again."""

    well: bool


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A bare byte 3: the user wants the target to stop."""


Event = Packet | Damaged | Acknowledged | Interrupt


def checksum(content: bytes) -> int:
    """Of what stands between `$` and `#`: the sum modulo 256."""
    return sum(content) & 0xFF


def escape(payload: bytes) -> bytes:
    """The payload with every byte escaped that means something else in a packet."""
    out = bytearray()
    for byte in payload:
        if byte in _SPECIAL:
            out += bytes((ESCAPE, byte ^ _ESCAPED))
        else:
            out.append(byte)
    return bytes(out)


def unescape(content: bytes, limit: int = _PAYLOAD_MAX) -> bytes:
    """The payload of a packet's content: escapes and runs undone.

    Raises PacketError for an escape at the end, a run of nothing or with an impossible count, and more than `limit`
    bytes.
    """
    out = bytearray()
    position = 0
    while position < len(content):
        byte = content[position]
        position += 1
        if byte in (ESCAPE, RUN) and position == len(content):
            raise PacketError("the content ends behind an escape or the beginning of a run")
        if byte == ESCAPE:
            out.append(content[position] ^ _ESCAPED)
            position += 1
        elif byte == RUN:
            count = content[position] - _RUN_BIAS
            position += 1
            if not out or not 0 < count <= 126 - _RUN_BIAS:
                raise PacketError("a run of nothing, or of an impossible length")
            out += out[-1:] * count
        else:
            out.append(byte)
        if len(out) > limit:
            raise PacketError(f"more than {limit} bytes")
    return bytes(out)


def encode(payload: bytes) -> bytes:
    """The packet that carries a payload; runs are not cut short, which every peer understands."""
    content = escape(payload)
    return b"$%s#%02x" % (content, checksum(content))


@dataclass(slots=True)
class Decoder:
    """Makes events of bytes as they arrive, in pieces of any size; what stands between packets is passed over.

    At most `limit` bytes of a packet are kept: what is longer is damaged.
    """

    limit: int = _PAYLOAD_MAX
    _buffer: bytearray = field(default_factory=bytearray)
    _overlong: bool = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes; to be used up before more is fed."""
        self._buffer += data
        while self._buffer:
            first = self._buffer[0]
            if first == ord("$"):
                event = self._packet()
                if event is None:
                    return
                yield event
                continue
            del self._buffer[0]
            if first == INTERRUPT_BYTE:
                yield Interrupt()
            elif first in b"+-":
                yield Acknowledged(first == ord("+"))

    def _packet(self) -> Packet | Damaged | None:
        """The packet at the buffer's start, None while it is not whole. A `$` within one begins another."""
        end = self._buffer.find(b"#")
        again = self._buffer.find(b"$", 1, end if end >= 0 else len(self._buffer))
        if again > 0:
            del self._buffer[:again]
            self._overlong = False
            return Damaged()
        if end < 0 or len(self._buffer) < end + 3:
            if len(self._buffer) > self.limit:
                del self._buffer[1:]  # all that arrives up to the next checksum still belongs to it
                self._overlong = True
            return None
        content, digits = bytes(self._buffer[1:end]), bytes(self._buffer[end + 1 : end + 3])
        del self._buffer[: end + 3]
        overlong, self._overlong = self._overlong, False
        try:
            if not overlong and int(digits, 16) == checksum(content) and digits.isalnum():
                return Packet(unescape(content, self.limit))
        except ValueError:  # PacketError as well
            pass
        return Damaged()

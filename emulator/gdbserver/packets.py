# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets of the GDB remote serial protocol as bytes and as values; no I/O, and neither side's own meaning.

The framing is that of the GDB manual, appendix E.1: `$payload#checksum`, with acknowledgements, an escape byte, and
runs of equal bytes cut short.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

INTERRUPT_BYTE: Final = 0x03
ESCAPE: Final = 0x7D
RUN: Final = ord("*")

_SPECIAL: Final = re.compile(rb"[$#}*]")
_ESCAPED: Final = 0x20
_RUN_BIAS: Final = 29
_RUN_COUNTS: Final = (32, 126)  # as they are sent, which is as printable characters
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
    return _SPECIAL.sub(lambda found: bytes((ESCAPE, found[0][0] ^ _ESCAPED)), payload)


def unescape(content: bytes, limit: int = _PAYLOAD_MAX) -> bytes:
    """The payload of a packet's content: escapes and runs undone.

    Raises PacketError for an escape at the end, a run of nothing or with an impossible count, and more than `limit`
    bytes.
    """
    out = bytearray()
    position = 0
    while position < len(content):
        plain = _SPECIAL.search(content, position)
        end = plain.start() if plain else len(content)
        out += content[position:end]
        if len(out) > limit:
            raise PacketError(f"more than {limit} bytes")
        if plain is None:
            break
        byte, position = content[end], end + 2
        if byte in (ESCAPE, RUN) and position > len(content):
            raise PacketError("the content ends behind an escape or the beginning of a run")
        if byte == ESCAPE:
            out.append(content[end + 1] ^ _ESCAPED)
        elif byte == RUN:
            if not out or not _RUN_COUNTS[0] <= content[end + 1] <= _RUN_COUNTS[1]:
                raise PacketError("a run of nothing, or of an impossible length")
            out += out[-1:] * (content[end + 1] - _RUN_BIAS)
        else:
            out.append(byte)
            position = end + 1
    if len(out) > limit:
        raise PacketError(f"more than {limit} bytes")
    return bytes(out)


def frame(content: bytes) -> bytes:
    """The packet round a content in which nothing has to be escaped any more."""
    return b"$%b#%02x" % (content, checksum(content))


def encode(payload: bytes) -> bytes:
    """The packet that carries a payload; runs are not cut short, which every peer understands."""
    return frame(escape(payload))


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Framing: whatever is sent arrives, in whatever pieces; whatever else arrives does no harm."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gdbserver.packets import (
    Acknowledged,
    Damaged,
    Decoder,
    Event,
    Interrupt,
    Packet,
    PacketError,
    checksum,
    encode,
    escape,
    unescape,
)

PAYLOADS = st.binary(max_size=300)


def decode(data: bytes, decoder: Decoder | None = None) -> list[Event]:
    return list((decoder or Decoder()).feed(data))


def test_a_packet_as_the_manual_writes_it() -> None:
    assert encode(b"OK") == b"$OK#9a"
    assert encode(b"") == b"$#00"
    assert encode(b"a}b") == b"$a}]b#%02x" % checksum(b"a}]b")
    assert decode(b"+$OK#9A-\x03") == [Acknowledged(True), Packet(b"OK"), Acknowledged(False), Interrupt()]


def test_runs_are_undone() -> None:
    assert unescape(b"0* ") == b"0000"  # GDB manual, E.1: a space is 32, three more of them
    assert unescape(b"x*~") == b"x" * 98
    for wrong in (b"* ", b"0*", b"0*\x1d", b"0*\x7f", b"ab}"):
        with pytest.raises(PacketError):
            unescape(wrong)
    with pytest.raises(PacketError, match="more than 10 bytes"):
        unescape(b"0*~", limit=10)


@settings(deadline=None)
@given(PAYLOADS)
def test_every_payload_survives(payload: bytes) -> None:
    assert unescape(escape(payload)) == payload
    assert not set(b"$#*") & set(escape(payload))
    assert decode(encode(payload)) == [Packet(payload)]


@settings(deadline=None)
@given(st.lists(PAYLOADS, max_size=5), st.lists(st.integers(0, 400), max_size=20))
def test_pieces_of_any_size_make_the_same_events(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"\x03".join(encode(payload) for payload in payloads)
    decoder = Decoder()
    events: list[Event] = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        events += decode(stream[begin : max(begin, end)], decoder)
    assert [event.payload for event in events if isinstance(event, Packet)] == payloads
    assert events == decode(stream)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_rubbish_is_passed_over_and_the_next_packet_arrives(rubbish: bytes) -> None:
    decoder = Decoder()
    decode(rubbish, decoder)
    events = decode(b"#00" + encode(b"g") + encode(b"g"), decoder)
    assert Packet(b"g") in events


@settings(deadline=None)
@given(PAYLOADS, st.data())
def test_a_changed_byte_is_noticed(payload: bytes, data: st.DataObject) -> None:
    """A checksum of eight bits sees any one byte that changes; what becomes a delimiter ends the packet elsewhere."""
    packet = bytearray(encode(payload))
    at = data.draw(st.integers(1, len(packet) - 1))
    packet[at] ^= data.draw(st.integers(1, 255))
    try:
        same_number = at >= len(packet) - 2 and int(packet[-2:], 16) == checksum(escape(payload))
    except ValueError:
        same_number = False
    assert same_number or Packet(payload) not in decode(bytes(packet))


def test_what_is_too_long_is_damaged_and_not_kept() -> None:
    decoder = Decoder(limit=100)
    assert decode(b"$" + b"x" * 100_000, decoder) == []
    assert decode(b"y" * 1000 + b"#00", decoder) == [Damaged()]
    assert decode(encode(b"ok"), decoder) == [Packet(b"ok")]
    assert decode(b"$lost$ok#da", decoder) == [Damaged(), Packet(b"ok")]


@pytest.mark.parametrize("digits", [b"zz", b" 9", b"+9", b"9_"])
def test_a_checksum_is_two_hexadecimal_digits(digits: bytes) -> None:
    assert decode(b"$OK#" + digits) == [Damaged()]

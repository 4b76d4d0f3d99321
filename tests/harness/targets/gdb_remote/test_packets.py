# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets: what is written is read back in whatever pieces it comes; what is no packet is said and passed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.gdbserver.packets import PacketError, escape
from emulator.gdbserver.packets import frame as packet
from emulator.gdbserver.packets import unescape as decode
from harness.targets.gdb_remote.packets import Acknowledgement, PacketReader

# By hand: "$OK#9a" of every manual; "0* " is four zeros, as ' ' is 32 and 32 - 29 = 3 are to follow.
KNOWN = [(b"OK", b"$OK#9a"), (b"", b"$#00"), (b"m0,4", b"$m0,4#fd")]


@pytest.mark.parametrize(("data", "framed"), KNOWN)
def test_known_packets(data: bytes, framed: bytes) -> None:
    assert packet(data) == framed
    reader = PacketReader()
    reader.feed(framed)
    assert reader.next() == data


@given(st.lists(st.binary(max_size=80), max_size=6), st.lists(st.integers(1, 40), min_size=1))
def test_what_is_written_is_read_back_in_any_pieces(contents: list[bytes], sizes: list[int]) -> None:
    stream = b"+".join(packet(escape(content)) for content in contents)
    reader, found, turn = PacketReader(), [], 0
    while stream:
        size = sizes[turn % len(sizes)]
        reader.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
        while (item := reader.next()) is not None:
            found.append(item)
    assert [item for item in found if isinstance(item, bytes)] == contents
    assert found.count(Acknowledgement.GOOD) == max(0, len(contents) - 1)
    assert reader.next() is None


@given(st.binary(max_size=200))
def test_escaped_data_has_no_byte_of_the_framing(data: bytes) -> None:
    assert not set(escape(data)) & set(b"#$*")
    assert decode(escape(data)) == data


@given(st.binary(max_size=300))
def test_no_input_does_more_than_a_packet_error(garbage: bytes) -> None:
    reader = PacketReader()
    reader.feed(garbage)
    for _ in range(len(garbage) + 1):
        try:
            if reader.next() is None:
                return
        except PacketError:
            continue
    pytest.fail("the reader does not get on")


def test_repetitions_are_expanded() -> None:
    assert decode(b"0* ") == b"0000"
    assert decode(b'x0*"1') == b"x0000001"


@pytest.mark.parametrize("data", [b"*!", b"a*", b"a}", b"a*\x1f"])
def test_repetitions_of_nothing_are_refused(data: bytes) -> None:
    with pytest.raises(PacketError):
        decode(data)


def test_a_wrong_checksum_is_said_and_the_next_packet_is_read() -> None:
    reader = PacketReader()
    reader.feed(b"$OK#9b$OK#zz-$OK#9a")
    for _ in range(2):
        with pytest.raises(PacketError, match="checksum"):
            reader.next()
    assert reader.next() is Acknowledgement.BAD
    assert reader.next() == b"OK"


def test_notifications_are_passed_over() -> None:
    reader = PacketReader()
    reader.feed(b"%Stop:T05#" + b"%02x" % (sum(b"Stop:T05") & 255) + b"$OK#9a")
    assert reader.next() == b"OK"

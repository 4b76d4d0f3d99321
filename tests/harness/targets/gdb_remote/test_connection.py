# SPDX-License-Identifier: GPL-2.0-or-later
"""A conversation with stubs that work, stall, die and talk nonsense."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from harness.targets.base import TargetLost
from harness.targets.gdb_remote.connection import Connection, Timeouts, connect, shown

Talk = Callable[[Callable[[bytes], object]], Connection]


def echo(command: bytes) -> bytes:
    return b"OK" if command.startswith(b"QStart") else b"<" + command + b">"


@pytest.mark.parametrize("acknowledged", [False, True])
def test_replies_come_in_the_order_of_the_commands(talk: Talk, acknowledged: bool) -> None:
    connection = talk(lambda c: b"" if acknowledged and c.startswith(b"QStart") else echo(c))
    connection.start()
    before = connection.round_trips
    assert connection.ask(b"a", b"b", b"c") == [b"<a>", b"<b>", b"<c>"]
    assert connection.round_trips == before + 1
    many = [b"%d" % number for number in range(200)]
    assert connection.ask(*many) == [b"<%b>" % command for command in many]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "the stub has not answered `bad` for 0.3 s"),
        ("hang up", "the stub has closed the connection"),
        ([b"$OK#00"], "the stub cannot be understood: a packet of 2 bytes has a wrong checksum"),
        ([b"$OK"], "the stub has not answered `bad`"),
        ([b"HTTP/1.1 400"], "the stub cannot be understood: the byte 0x48 is outside of packets"),
        ([b"-"], "the stub says that what it was sent is damaged"),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_end(talk: Talk, answer: object, words: str) -> None:
    connection = talk(lambda c: answer if c == b"bad" else echo(c))
    connection.start()
    with pytest.raises(TargetLost, match=words) as first:
        connection.ask(b"good", b"bad")
    assert "\n" not in str(first.value)
    with pytest.raises(TargetLost, match=words):
        connection.ask(b"good")


def test_a_stub_that_dies_in_the_middle_of_a_packet(talk: Talk) -> None:
    sent: list[object] = [[b"$hal"], "hang up"]
    connection = talk(lambda c: sent.pop(0) if c.startswith(b"bad") else echo(c))
    connection.start()
    with pytest.raises(TargetLost, match="has closed the connection"):
        connection.ask(b"bad1", b"bad2")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TargetLost, match=rf"127.0.0.1:{port}: no stub answers there .* start it, or correct"):
        connect("127.0.0.1", port, Timeouts())


def test_a_closed_connection_says_so(talk: Talk) -> None:
    connection = talk(echo)
    connection.close()
    connection.close()
    with pytest.raises(TargetLost, match="the connection is closed"):
        connection.ask(b"a")


def test_long_and_binary_commands_are_shown_short() -> None:
    assert shown(b"m0,4") == "`m0,4`"
    assert shown(b"X\x00\n") == "`X\\x00\\x0a`"
    assert len(shown(bytes(1000))) < 200

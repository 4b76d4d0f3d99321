# SPDX-License-Identifier: GPL-2.0-or-later
"""A session on the wire: acknowledgements, running in pieces, interrupts, and clients that do not behave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.board import AN386
from emulator.gdbserver.monitor import commands
from emulator.gdbserver.packets import encode
from emulator.gdbserver.session import Session
from emulator.gdbserver.stub import Stub
from emulator.gdbserver.timeline import Timeline

Guest = Callable[..., Timeline]
CODE = AN386.code.base + 8
FOR_EVER = (0xE7FE,)  # b .
SHORT = (0x2203, 0xBF30)  # movs r2, #3; wfi


@pytest.fixture
def endless(guest: Guest) -> Session:
    return Session(Stub(guest(*FOR_EVER), commands()))


def test_packets_are_acknowledged_until_the_client_has_enough_of_it(endless: Session) -> None:
    assert endless.receive(encode(b"qC")) == b"+" + encode(b"QC1")
    assert endless.receive(b"-") == encode(b"QC1")
    assert endless.receive(b"+") == b""
    assert endless.receive(b"$qC#00") == b"-"
    assert endless.receive(encode(b"QStartNoAckMode")) == b"+" + encode(b"OK")
    assert endless.receive(encode(b"qC")) == encode(b"QC1")
    assert endless.receive(b"-$qC#00") == b""


def test_a_run_goes_in_pieces_until_it_is_interrupted(endless: Session) -> None:
    assert endless.receive(b"\x03") == b""
    assert endless.receive(encode(b"c")) == b"+"
    for _ in range(3):
        assert endless.running
        assert endless.work() == b""
    assert endless.receive(b"\x03") == encode(b"T02thread:1;")
    assert not endless.running
    assert endless.receive(b"\x03") == b""
    assert endless.receive(encode(b"pf")) == b"+" + encode(CODE.to_bytes(4, "little").hex().encode())


def test_a_halt_comes_with_words_for_the_user(guest: Guest) -> None:
    session = Session(Stub(guest(*SHORT), commands()))
    session.receive(encode(b"c"))
    words, reply = session.work().split(b"$")[1:]
    assert bytes.fromhex(words[1:-3].decode()).startswith(b"every task waits")
    assert b"$" + reply == encode(b"T11thread:1;")


def test_packets_that_come_while_it_runs_are_answered_behind_it(guest: Guest) -> None:
    session = Session(Stub(guest(*SHORT), commands()))
    assert session.receive(encode(b"s") + encode(b"qC") + encode(b"s") + encode(b"?")) == b"++++"
    assert session.work() == encode(b"T05thread:1;") + encode(b"QC1")
    assert session.running
    assert session.work() == encode(b"T05thread:1;") + encode(b"T05thread:1;")


def test_a_client_that_floods_while_it_runs_is_dropped(endless: Session) -> None:
    endless.receive(encode(b"c"))
    endless.receive(encode(b"qC") * 1000)
    assert endless.ended is False


def test_an_interrupt_of_a_search_backwards_leaves_all_as_it_was(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.gdbserver.timeline.INTERVAL", 10)
    timeline = guest(*FOR_EVER)
    for _ in range(10):
        timeline.forward(100)
    now = timeline.now
    session = Session(Stub(timeline, commands()))
    session.receive(encode(b"bc"))
    assert session.work() == b""
    assert session.receive(b"\x03") == encode(b"T02thread:1;")
    assert timeline.now == now


@pytest.mark.parametrize(("packet", "killed"), [(b"D", False), (b"k", True), (b"vKill;1", True)])
def test_the_end(endless: Session, packet: bytes, killed: bool) -> None:
    out = endless.receive(encode(packet) + encode(b"qC"))
    assert out == b"+" + (b"" if packet == b"k" else encode(b"OK"))
    assert endless.ended is killed


def test_a_client_that_is_gone_leaves_no_breakpoint(guest: Guest) -> None:
    timeline = guest(*SHORT)
    stub = Stub(timeline, commands())
    session = Session(stub)
    session.receive(encode(b"Z0,%x,2" % (CODE + 2)) + encode(b"c"))
    session.close()
    assert not session.running
    assert timeline.forward(100).why == "idle"

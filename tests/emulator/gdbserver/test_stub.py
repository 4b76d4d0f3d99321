# SPDX-License-Identifier: GPL-2.0-or-later
"""What packets do, and that nothing that a packet holds does harm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.board import AN386
from emulator.cpu import lib
from emulator.gdbserver.monitor import commands
from emulator.gdbserver.stub import PACKET_SIZE, End, Resume, Stub
from emulator.gdbserver.target_description import REGISTERS, target_xml
from emulator.gdbserver.timeline import Moment, Timeline

Guest = Callable[..., Timeline]
CODE = AN386.code.base + 8
DATA = AN386.data.base
# movs r2, #3; back: adds r4, #1; str r4, [r1]; subs r2, #1; bne back; wfi
LOOP = (0x2203, 0x3401, 0x600C, 0x3A01, 0xD1FB, 0xBF30)


@pytest.fixture
def stub(guest: Guest) -> Stub:
    return Stub(guest(*LOOP, r1=DATA, r4=0), commands())


def run(stub: Stub, payload: bytes) -> bytes:
    """The stop reply of a packet that lets the target run."""
    answer = stub.answer(payload)
    assert isinstance(answer, Resume)
    (halt,) = [halt for halt in answer.pieces if halt is not None]
    return stub.halt(halt)[1]


def test_queries(stub: Stub) -> None:
    features = stub.answer(b"qSupported:multiprocess+;swbreak+;hwbreak+")
    assert isinstance(features, bytes)
    assert {b"ReverseStep+", b"ReverseContinue+", b"QStartNoAckMode+"} <= set(features.split(b";"))
    assert stub.answer(b"?") == b"T05thread:1;"
    assert stub.answer(b"vCont?") == b"vCont;c;C;s;S"
    assert (stub.answer(b"qC"), stub.answer(b"qCRC:0,4"), stub.answer(b"vMustReplyEmpty")) == (b"QC1", b"", b"")
    assert (stub.answer(b"qfThreadInfo"), stub.answer(b"qsThreadInfo")) == (b"m1", b"l")
    assert (stub.answer(b"T1"), stub.answer(b"T2"), stub.answer(b"Hg0"), stub.answer(b"Hc-1")) == (
        *(b"OK", b"E16", b"OK", b"OK"),
    )
    assert stub.answer(b"qThreadExtraInfo,1") == b"service: has something to do".hex().encode()


def test_documents_come_in_parts(stub: Stub) -> None:
    document, part = b"", b"m"
    while part[:1] == b"m":
        answer = stub.answer(b"qXfer:features:read:target.xml:%x,40" % len(document))
        assert isinstance(answer, bytes)
        part = answer
        document += part[1:]
    assert document.decode() == target_xml()
    assert stub.answer(b"qXfer:features:read:other.xml:0,40") == b"E00"
    assert stub.answer(b"qXfer:auxv:read::0,40") == b""


def test_registers(stub: Stub) -> None:
    everything = stub.answer(b"g")
    assert isinstance(everything, bytes)
    assert len(everything) == 8 * len(REGISTERS)
    assert stub.answer(b"pf") == CODE.to_bytes(4, "little").hex().encode()
    assert stub.answer(b"P5=78563412") == b"OK"
    assert stub.answer(b"p5") == b"78563412"
    assert stub.answer(b"G" + everything) == b"OK"
    assert stub.answer(b"g") == everything
    for wrong in (b"pff", b"p", b"P5=12", b"P5", b"Pff=00000000", b"G00"):
        assert stub.answer(wrong) == b"E16"


def test_memory(stub: Stub) -> None:
    where = b"%x" % DATA
    assert stub.answer(b"M" + where + b",3:010203") == b"OK"
    assert stub.answer(b"X" + where + b",2:\x7d$") == b"OK"
    assert stub.answer(b"m" + where + b",3") == b"7d2403"
    assert stub.answer(b"X" + where + b",0:") == b"OK"
    longest = stub.answer(b"m0,ffffffff")
    assert isinstance(longest, bytes)
    assert len(longest) == PACKET_SIZE
    for wrong in (b"m90000000,4", b"m" + b"fffffffe,4", b"M90000000,1:00", b"X90000000,1:a"):
        assert stub.answer(wrong) == b"E0e"
    for wrong in (b"m", b"m1", b"m-1,4", b"m100000000,4", b"M0,2:00", b"Mzz", b"X0,5:a", b"X\xff"):
        assert stub.answer(wrong) == b"E16"


def test_running_and_what_stops_it(stub: Stub) -> None:
    stub.answer(b"qSupported:swbreak+;hwbreak+")
    assert run(stub, b"vCont;s:1;c") == b"T05thread:1;"
    assert stub.answer(b"Z0,%x,2" % (CODE + 4)) == b"OK"
    assert run(stub, b"c") == b"T05swbreak:;thread:1;"
    assert (stub.answer(b"z0,%x,2" % (CODE + 4)), stub.answer(b"Z1,%x,2" % (CODE + 6))) == (b"OK", b"OK")
    assert run(stub, b"vCont;c") == b"T05hwbreak:;thread:1;"
    stub.answer(b"z1,%x,2" % (CODE + 6))
    assert stub.answer(b"Z2,%x,4" % DATA) == b"OK"
    assert run(stub, b"vCont;C05:1") == b"T05watch:%x;thread:1;" % DATA
    stub.answer(b"z2,%x,4" % DATA)
    stub.answer(b"Z4,%x,1" % (DATA + 1))
    assert run(stub, b"bc") == b"T05awatch:%x;thread:1;" % (DATA + 1)
    stub.answer(b"z4,%x,1" % (DATA + 1))
    assert run(stub, b"bs") == b"T05thread:1;"
    assert run(stub, b"c") == b"T11thread:1;"
    assert run(stub, b"s") == b"T11thread:1;"
    assert run(stub, b"bc") == b"T05replaylog:begin;thread:1;"
    assert run(stub, b"bs") == b"T05replaylog:begin;thread:1;"
    assert run(stub, b"c%x" % (CODE + 10)) == b"T11thread:1;"
    assert stub.timeline.now == Moment(1, 1)


def test_a_fault_is_a_signal_with_words(guest: Guest) -> None:
    stub = Stub(guest(*LOOP, r1=0x9000_0000), commands())
    answer = stub.answer(b"c")
    assert isinstance(answer, Resume)
    (halt,) = [halt for halt in answer.pieces if halt is not None]
    text, reply = stub.halt(halt)
    assert reply == b"T0bthread:1;"
    assert text.startswith("write not granted at 0x90000000")


def test_too_many_points_are_refused_and_the_others_hold(stub: Stub) -> None:
    for number in range(lib.DEBUG_POINTS):
        assert stub.answer(b"Z0,%x,2" % (CODE + 2 * number)) == b"OK"
    assert stub.answer(b"Z0,100000,2") == b"E0e"
    assert run(stub, b"c") == b"T05thread:1;"
    stub.release()
    assert run(stub, b"c") == b"T11thread:1;"


def test_points_that_are_none(stub: Stub) -> None:
    assert [stub.answer(packet) for packet in (b"Z5,0,2", b"Z0,0", b"Z0,zz,2", b"Z2,0,100000000")] == [
        *(b"", b"E16", b"E16", b"E16"),
    ]
    assert stub.answer(b"vCont;x") == b"E16"
    assert stub.answer(b"vCont;s:9") == b"E16"


def test_monitor_commands_are_in_hexadecimal(stub: Stub) -> None:
    told = stub.answer(b"qRcmd," + b"clock 7".hex().encode())
    assert isinstance(told, bytes)
    assert bytes.fromhex(told.decode()) == b"clock: 7 us\n"


def test_leaving(stub: Stub) -> None:
    assert (stub.answer(b"D"), stub.answer(b"k"), stub.answer(b"vKill;1")) == (End(False), End(True, b""), End(True))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(b"qvHTgGpPmMXZzcsbkD?!R"), st.binary(max_size=20))
def test_any_packet_has_an_answer(stub: Stub, first: int, rest: bytes) -> None:
    answer = stub.answer(bytes((first,)) + rest)
    assert isinstance(answer, bytes | Resume | End)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"m", b"M", b"X", b"Z2,", b"P", b"p", b"qXfer:", b"vCont;s:"]),
    st.text("0123456789abcdef,:;=-", max_size=24),
)
def test_nearly_sound_packets_have_an_answer(stub: Stub, prefix: bytes, rest: str) -> None:
    assert isinstance(stub.answer(prefix + rest.encode()), bytes | Resume | End)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands to stubs of the tests' own: what is sent together, and stubs that disagree."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.targets.base import TargetLost
from harness.targets.gdb_remote.connection import Connection
from harness.targets.gdb_remote.stub import Stopped, Stub

Handler = Callable[[bytes], object]
Talk = Callable[[Handler], Connection]


def but(sound: Handler, prefix: bytes, answer: object) -> Handler:
    """A sound stub that answers commands with this prefix in its own way."""
    return lambda command: answer if command.startswith(prefix) else sound(command)


def test_writes_wait_for_what_needs_them(talk: Talk, sound_stub: Handler) -> None:
    heard: list[bytes] = []

    def listen(command: bytes) -> object:
        heard.append(command)
        return b"T05" if command == b"c" else sound_stub(command)

    stub = Stub(talk(listen))
    trips = stub.connection.round_trips
    stub.write(0x20000000, b"\x01\x02")
    stub.set_register("xpsr", 0x01000000)
    assert heard[-1] == b"X0,0:"
    stub.resume()
    assert stub.wait(1) == Stopped(5)
    assert heard[-3:] == [b"M20000000,2:0102", b"P19=00000001", b"c"]
    assert stub.read((0, 4), (8, 2)) == [bytes(4), bytes(2)]
    assert stub.connection.round_trips == trips + 2


def test_registers_are_asked_for_once_while_the_core_stands_still(talk: Talk, sound_stub: Handler) -> None:
    asked: list[bytes] = []

    def listen(command: bytes) -> object:
        asked.extend([command] if command == b"g" else [])
        return b"T05" if command == b"s" else sound_stub(command)

    stub = Stub(talk(listen))
    for change in (stub.step, lambda: stub.set_register("pc", 2), lambda: stub.monitor("reset")):
        stub.registers()["pc"] = 1  # the caller's own
        assert stub.registers()["pc"] == 0
        stub.write(0x20000000, b"\0")
        assert stub.read((0, 4)) == [bytes(4)]
        stub.registers()
        assert asked == [b"g"]
        change()
        asked.clear()
    stub.registers()
    assert asked == [b"g"]


def test_binary_writes_where_the_stub_takes_them(talk: Talk, sound_stub: Handler) -> None:
    heard: list[bytes] = []

    def listen(command: bytes) -> object:
        heard.append(command)
        return b"OK" if command[:1] == b"X" else sound_stub(command)

    stub = Stub(talk(listen))
    stub.write(0x10, b"#$}*a")
    stub.flush()
    assert heard[-1] == b"X10,5:#$}*a"  # as the reader gives it back, escapes undone


def test_long_ranges_go_in_packets_of_the_size_that_the_stub_takes(talk: Talk, sound_stub: Handler) -> None:
    stub = Stub(talk(but(sound_stub, b"qSupported", b"PacketSize=100;qXfer:features:read+")))
    stub.write(0, bytes(1000))
    assert stub.read((0, 1000), (0, 3)) == [bytes(1000), bytes(3)]


def test_what_the_target_prints_is_passed_over(talk: Talk, sound_stub: Handler) -> None:
    output = b"$O6869#" + b"%02x" % (sum(b"O6869") & 255)
    stub = Stub(talk(but(sound_stub, b"c", [output, b"$T02#b6"])))
    stub.resume()
    assert stub.wait(1) == Stopped(2)
    stub = Stub(talk(but(sound_stub, b"qRcmd", [output, b"$OK#9a"])))
    stub.monitor("reset")


def test_breakpoints_are_the_hardwares_or_the_stubs_or_none(talk: Talk, sound_stub: Handler) -> None:
    assert Stub(talk(sound_stub)).break_at(8)
    assert Stub(talk(but(sound_stub, b"Z1", b""))).break_at(8)
    assert not Stub(talk(but(sound_stub, b"Z", b""))).break_at(8)
    assert not Stub(talk(but(sound_stub, b"Z", b"E01"))).break_at(8)


def test_memory_that_is_not_there_can_be_asked_for(talk: Talk, sound_stub: Handler) -> None:
    stub = Stub(talk(but(sound_stub, b"mffff0000", b"E14")))
    assert stub.peek(0xFFFF0000, 4) is None
    assert stub.peek(0, 4) == bytes(4)


@pytest.mark.parametrize(
    ("prefix", "answer", "words"),
    [
        (b"qSupported", b"PacketSize=10;qXfer:features:read+", "takes packets of 0x10 bytes, which is of no use"),
        (b"qSupported", b"PacketSize=lots;qXfer:features:read+", "takes packets of 0xlots bytes"),
        (b"qSupported", b"", "describes no registers: a stub with qXfer:features:read is needed"),
        (b"qXfer", b"E00", "does not give its description target.xml"),
        (b"qXfer", b"m", "does not give its description target.xml"),
        (b"qXfer", b"l<target/>", "describes no Cortex-M"),
        (b"?", None, "has not answered `\\?`"),
    ],
)
def test_stubs_that_are_of_no_use(talk: Talk, sound_stub: Handler, prefix: bytes, answer: object, words: str) -> None:
    with pytest.raises(TargetLost, match=f"the stub {words}"):
        Stub(talk(but(sound_stub, prefix, answer)))


@pytest.mark.parametrize(
    ("prefix", "answer", "words"),
    [
        (b"m", b"E01", "refuses `m20000000,4`: `E01`"),
        (b"m", b"", "does not know `m20000000,4`"),
        (b"m", b"0000", "answers `m20000000,4` with `0000`"),
        (b"m", b"zz", "answers `m20000000,4` with `zz`"),
        (b"M", b"E01", "refuses `M20000000,1:00`: `E01`"),
        (b"M", b"NO", "answers `M20000000,1:00` with `NO`"),
        (b"g", b"0011", "answers `g` with `0011`"),
        (b"c", b"W00", "says `W00` where its core should run or stop"),
        (b"s", None, "has not made a step for 0.3 s"),
    ],
)
def test_stubs_that_disagree(talk: Talk, sound_stub: Handler, prefix: bytes, answer: object, words: str) -> None:
    stub = Stub(talk(but(sound_stub, prefix, answer)))
    stub.write(0x20000000, b"\0")
    with pytest.raises(TargetLost, match=f"the stub {words}"):
        use(stub, prefix)


def use(stub: Stub, command: bytes) -> None:
    """Have the stub sent a command, or look at what it has written and holds."""
    if command == b"c":
        stub.resume()
        stub.wait(1)
    elif command == b"s":
        stub.step()
    else:
        stub.look((0x20000000, 4))


def test_a_core_that_cannot_be_stopped(talk: Talk, sound_stub: Handler) -> None:
    stub = Stub(talk(but(sound_stub, b"\x03", None)))
    stub.resume()
    assert stub.wait(0.05) is None
    with pytest.raises(TargetLost, match=r"does not stop its core within 0.3 s"):
        stub.interrupt()

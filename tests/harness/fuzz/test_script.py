# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts as bytes, as values and as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fuzz import script as s
from harness.fuzz.script import Op, Step

# One step of each op, its bytes written by hand, and its line.
GOLDEN = [
    (s.literal(b"ab")[0], "00 02 61 62", "append 2 bytes: 61 62"),
    (s.fill(0x0102, 0x41), "01 02 01 41", "append 258 times 0x41"),
    (s.replay(3, -16, 5), "02 03 f0 ff 05 00", "append of the response 3 exchanges back: from byte 16 from the end, "),
    (s.replay(), "02 00 00 00 ff ff", "append of the response 0 exchanges back: from byte 0, length all"),
    (s.flip(-1, 0x80), "03 ff ff 80", "change bits 0x80 of byte 1 from the end"),
    (s.send(0x22), "04 22", "send as MLKEM_DECAPS"),
    (s.send(0x7F), "04 7f", "send as type 0x7f"),
    (s.send_raw(), "05", "send as it is"),
    (s.claim(0x01020304), "06 04 03 02 01", "claim a payload of 16909060 bytes"),
    (s.clock(-2, 3), "07 fe ff ff ff 03", "clock -16 us"),
    (s.clock(1, 33), "07 01 00 00 00 21", "clock +2 us"),
    (s.keys(6), "08 06", "write key image 6"),
    (s.window(0x22004), "09 04 20 02 00", "write it to window offset 0x22004"),
    (s.ring(), "0a", "ring"),
    (s.repeat(101), "0b 65", "send the last request again, 101 times"),
    (s.race(7, 0x40), "0c 07 00 40", "change bits 0x40 of request byte 7 once it was read"),
]


@pytest.mark.parametrize(("step", "encoded", "line"), GOLDEN, ids=[encoded for _, encoded, _ in GOLDEN])
def test_golden_bytes(step: Step, encoded: str, line: str) -> None:
    data = bytes.fromhex(encoded)
    assert step.encode() == data
    assert list(s.decode(data)) == [step]
    assert str(step).startswith(line)


def test_golden_bytes_hold_each_op() -> None:
    assert {step.op for step, _, _ in GOLDEN} == set(Op)


@given(st.binary(max_size=300))
def test_every_string_of_bytes_is_a_script(data: bytes) -> None:
    steps = list(s.decode(data))
    assert list(s.decode(s.encode(steps))) == steps
    assert s.normal(s.normal(data)) == s.normal(data)
    assert bool(steps) == bool(data)
    assert len(s.listing(data).splitlines()) == len(steps)


u8, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
i32 = st.integers(-(1 << 31), (1 << 31) - 1)
any_step = st.one_of(
    st.binary(max_size=s.BYTES_MAX).map(lambda data: Step(Op.BYTES, (len(data),), data)),
    st.builds(s.fill, u16, u8),
    st.builds(s.replay, u8, u16, u16),
    st.builds(s.flip, u16, u8),
    st.builds(s.send, u8),
    st.just(s.send_raw()),
    st.builds(s.claim, u32),
    st.builds(s.clock, i32, u8),
    st.builds(s.keys, u8),
    st.builds(s.window, u32),
    st.just(s.ring()),
    st.builds(s.repeat, u8),
    st.builds(s.race, u16, u8),
)


@given(st.lists(any_step, max_size=30))
def test_steps_come_back_as_they_were(steps: list[Step]) -> None:
    script = s.encode(steps)
    assert list(s.decode(script)) == steps
    assert s.normal(script) == script


def test_the_op_is_the_first_byte_modulo_their_number() -> None:
    assert list(s.decode(bytes((3 * 13 + 10, 0xFF, 7)))) == [s.ring(), s.keys(7)]


@pytest.mark.parametrize(
    ("data", "step"),
    [
        (b"\x00", Step(Op.BYTES, (0,))),
        (b"\x00\x09ab", Step(Op.BYTES, (2,), b"ab")),
        (b"\x01\x05", s.fill(5)),
        (b"\x07\xff", s.clock(255)),
        (b"\x04", s.send(0)),
    ],
)
def test_what_is_missing_at_the_end_reads_as_zero(data: bytes, step: Step) -> None:
    assert list(s.decode(data)) == [step]


def test_long_literals_are_several_steps() -> None:
    data = bytes(range(256)) * 2
    steps = s.literal(data)
    assert [len(step.data) for step in steps] == [255, 255, 2]
    assert b"".join(step.data for step in steps) == data
    assert s.literal(b"") == []


def test_the_listing_is_a_line_a_step() -> None:
    script = s.encode([*s.literal(bytes(40)), s.send(1), s.ring()])
    lines = [f"  1  append 40 bytes: {bytes(32).hex(' ')} ...", "  2  send as AES_ENCRYPT", "  3  ring"]
    assert s.listing(script).splitlines() == lines

# SPDX-License-Identifier: GPL-2.0-or-later
"""What is left still fails, no step of it can be left out, and the number of runs is bounded."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.fuzz import script as s
from harness.fuzz.executor import Executor
from harness.fuzz.finding import observe, same_finding
from harness.fuzz.minimize import minimize, shortened
from harness.fuzz.script import Op, decode, encode

scripts = st.binary(min_size=1, max_size=300)


@settings(deadline=None)
@given(script=scripts, data=st.data())
def test_the_result_fails_and_is_minimal_by_steps(script: bytes, data: st.DataObject) -> None:
    """The predicate wants some of the ops, each so many times: a stand-in for a state that has to be reached."""
    have = Counter(step.op for step in decode(script))
    wanted = data.draw(st.fixed_dictionaries({}, optional={op: st.integers(1, n) for op, n in have.items()}))

    def fails(candidate: bytes) -> bool:
        return not Counter(wanted) - Counter(step.op for step in decode(candidate))

    result = minimize(script, fails)
    assert result.complete
    assert fails(result.script)
    steps = list(decode(result.script))
    assert Counter(step.op for step in steps) == Counter(wanted)
    assert not any(fails(encode(steps[:i] + steps[i + 1 :])) for i in range(len(steps)))


@settings(deadline=None, max_examples=50)
@given(script=scripts, runs=st.integers(1, 30))
def test_the_runs_are_bounded(script: bytes, runs: int) -> None:
    asked: list[bytes] = []

    def fails(candidate: bytes) -> bool:
        asked.append(candidate)
        return sum(candidate) % 3 == sum(script) % 3

    result = minimize(script, fails, runs)
    assert len(asked) == len(set(asked)) == result.runs <= runs
    assert fails(result.script)
    assert len(list(decode(result.script))) <= len(list(decode(script)))


def test_bytes_and_numbers_become_plain() -> None:
    script = encode([*s.literal(b"abcXdefYghi"), s.clock(-70_000), s.fill(500, 7), s.claim(123_456), s.send(0x22)])

    def fails(candidate: bytes) -> bool:
        steps = list(decode(candidate))
        data = b"".join(step.data for step in steps)
        clocks = sum(step.arguments[0] for step in steps if step.op is Op.CLOCK)
        filled = sum(step.arguments[0] for step in steps if step.op is Op.FILL)
        claims = [step.arguments[0] for step in steps if step.op is Op.CLAIM]
        return b"X" in data and data.endswith(b"i") and clocks <= -1234 and filled >= 100 and claims > [0xFFFF]

    result = minimize(script, fails)
    assert list(decode(result.script)) == [*s.literal(b"Xi"), s.clock(-1234), s.fill(100), s.claim(0x10000)]


def test_neighbours_that_do_the_same_are_joined() -> None:
    def fails(candidate: bytes) -> bool:
        steps = list(decode(candidate))
        return sum(step.arguments[0] for step in steps if step.op in (Op.FILL, Op.BYTES)) == 200

    assert list(decode(minimize(encode([s.fill(50, 1)] * 4), fails).script)) == [s.fill(200)]
    assert list(decode(minimize(encode(s.literal(bytes(100)) * 2), fails).script)) == [s.fill(200)]


def test_steps_of_the_clock_are_joined_where_they_are_multiplied_alike() -> None:
    def fails(candidate: bytes) -> bool:
        return sum(step.microseconds for step in decode(candidate) if step.op is Op.CLOCK) == 24

    assert list(decode(minimize(encode([s.clock(5, 1), s.clock(7, 1)]), fails).script)) == [s.clock(12, 1)]
    apart = encode([s.clock(8), s.clock(2, 3)])
    assert len(list(decode(minimize(apart, fails).script))) == 2


def test_changed_bits_become_bytes() -> None:
    """In literal and in equal bytes, counted from either end, of the second request."""
    steps = [*s.literal(b"first"), s.send(1), *s.literal(b"ab"), s.fill(3, 0x41), s.flip(1, 3), s.flip(-1, 0xE)]

    def sent(candidate: bytes) -> list[bytes]:
        requests, built = [], bytearray()
        for step in decode(candidate):
            if step.op is Op.SEND:
                requests.append(bytes(built))
                built.clear()
            elif step.op is Op.FLIP:
                built[s.place_in(step.arguments[0], len(built))] ^= step.arguments[1]
            else:
                built += step.data if step.op is Op.BYTES else bytes([step.arguments[1]]) * step.arguments[0]
        return requests

    wanted = sent(encode([*steps, s.send(2)]))
    assert wanted == [b"first", b"aaAAO"]
    made = minimize(encode([*steps, s.send(2)]), lambda candidate: sent(candidate) == wanted)
    assert list(decode(made.script)) == [*s.literal(b"first"), s.send(0), *s.literal(b"aaAAO"), s.send(0)]


def test_bits_of_what_was_replayed_stay_changed() -> None:
    steps = [s.replay(), *s.literal(b"ab"), s.flip(1, 3), s.send(1)]
    kept = [step.op for step in steps]
    made = minimize(encode(steps), lambda candidate: [step.op for step in decode(candidate)] == kept)
    assert [step.op for step in decode(made.script)] == kept


def test_what_does_not_fail_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        minimize(b"\0", lambda _: False)


@given(items=st.lists(st.integers(0, 9), max_size=40), needed=st.sets(st.integers(0, 9)))
def test_shortened_leaves_nothing_that_is_not_needed(items: list[int], needed: set[int]) -> None:
    needed &= set(items)
    kept = shortened(items, lambda candidate: needed <= set(candidate))
    assert sorted(kept) == sorted(needed)


def test_a_real_fault_behind_a_real_way(planted_executor: Executor) -> None:
    way = [*s.literal(bytes((1, 0, 0, 0, 0, 0)) + b"text"), s.send(1), s.keys(3), s.clock(99), s.send_raw()] * 6
    script = encode([*way, *s.literal(bytes((0x41, 0, 0, 0, 3, 0)) + b"aad and a text"), s.send(1), s.send(9)])
    verdict = planted_executor.run(script)
    finding = observe(planted_executor, script, verdict)
    result = minimize(script, same_finding(planted_executor, finding.id))
    assert list(decode(result.script)) == [*s.literal(bytes((0x41, *bytes(10)))), s.send(1)]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The interpreter of scripts does on the emulated target what the executor does, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.debugging.debuggee import Debuggee
from harness.fuzz import script as s
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.fuzz.interpreter import interpret
from harness.fuzz.script import Op, Step
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget

CODES = [command.code for command in table.COMMANDS if command.name != "MLDSA_SIGN"]


@pytest.fixture(scope="module")
def target(firmware: Path) -> Iterator[EmulatedTarget]:
    made = EmulatedTarget(firmware)
    yield made
    made.close()


def sealed(key_id: int = 1, text: bytes = b"attack at dawn") -> list[Step]:
    """AES_ENCRYPT, and what it has answered as the request of AES_DECRYPT."""
    head = key_id.to_bytes(4, "little")
    answer = [s.replay(0, 0, 12), *s.literal(b"\0\0"), s.replay(0, 12)]
    return [*s.literal(head + b"\0\0" + text), s.send(1), *s.literal(head), *answer, s.send(2)]


places = st.one_of(st.integers(0, 40), st.integers(0xFFD8, 0xFFFF), st.integers(0, 0xFFFF))
steps = st.one_of(
    st.binary(max_size=40).map(lambda data: Step(Op.BYTES, (len(data),), data)),
    st.builds(lambda length, value: s.fill(length, value), st.one_of(st.integers(0, 40), st.just(65535)), st.just(1)),
    st.builds(s.replay, st.integers(0, 3), places, places),
    st.builds(s.flip, places, st.integers(0, 255)),
    st.builds(s.send, st.one_of(st.sampled_from(CODES), st.integers(0, 15))),
    st.just(s.send_raw()),
    st.builds(s.claim, st.one_of(st.integers(0, 40), st.integers(0, 0xFFFF_FFFF))),
    st.builds(s.clock, st.one_of(st.integers(-200_000, 200_000), st.integers(-(1 << 31), (1 << 31) - 1))),
    st.builds(s.keys, st.integers(0, 255)),
    st.builds(s.window, st.integers(table.WINDOW_REQUEST, table.WINDOW_REQUEST + 300)),
    st.just(s.ring()),
    st.builds(s.repeat, st.one_of(st.integers(0, 4), st.integers(0, 255))),
    st.builds(s.race, st.integers(0, 40), st.just(0)),
)
pieces = st.one_of(steps.map(lambda step: [step]), st.builds(sealed, st.integers(1, 3), st.binary(max_size=30)))
scripts = st.lists(pieces, max_size=12).map(lambda lists: s.encode(step for piece in lists for step in piece))


def plain(exchanges: list[Exchange] | tuple[Exchange, ...]) -> list[Exchange]:
    return [replace(exchange, instructions=0) for exchange in exchanges]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.one_of(scripts, scripts, st.binary(max_size=60)))
def test_same_requests_and_same_responses(executor: Executor, target: EmulatedTarget, script: bytes) -> None:
    run = interpret(script, target)
    assert executor.run(script) is Verdict.PASS
    native = plain(list(executor.exchanges))
    if run.undone:
        native = native[: len(run.exchanges)]
    assert plain(run.exchanges) == native
    assert run.failure == ""


def test_answers_are_replayed_from_the_target_itself(target: EmulatedTarget) -> None:
    for on in (target, ModelTarget()):
        run = interpret(s.encode(sealed()), on)
        assert [exchange.status for exchange in run.exchanges] == [0, 0]
        assert run.exchanges[1].payload == b"attack at dawn"
    assert plain(run.exchanges) == plain(interpret(s.encode(sealed()), target).exchanges)


@pytest.mark.parametrize(
    "steps",
    [
        [*s.literal(b"abcd"), s.window(0)],
        [*s.literal(b"abcd"), s.window(table.WINDOW_RESPONSE)],
        [*s.literal(b"abcd"), s.window(table.WINDOW_REQUEST + table.AREA_SIZE - 3)],
        [*s.literal(b"abcd"), s.race(3)],
    ],
    ids=["doorbell", "response area", "behind the request area", "race"],
)
def test_what_a_target_cannot_do_ends_the_run_and_is_named(steps: list[Step]) -> None:
    run = interpret(s.encode([s.send(1), *steps, s.send(1)]), ModelTarget())
    assert len(run.exchanges) == 1
    assert run.undone.startswith("step 3, ")
    assert run.undone.endswith(": target model cannot do it")


def test_limits_of_a_script(executor: Executor, target: EmulatedTarget) -> None:
    for script in (
        s.encode([s.send(9)] * 70),
        s.encode([s.send(9), s.repeat(255), s.repeat(255), s.repeat(255)]),
        s.encode([s.fill(65535), s.send(9), s.repeat(255)]),
        s.encode([s.fill(65535), s.fill(65535, 1), *s.literal(b"abc"), s.send(1), s.replay(), s.replay(), s.send(1)]),
    ):
        assert executor.run(script) is Verdict.PASS
        assert plain(interpret(script, target).exchanges) == plain(list(executor.exchanges))


def test_no_answer_is_told(defective: Callable[..., Path]) -> None:
    broken = EmulatedTarget(defective("service/ipc.c", "    window_answer(doorbell);", "    (void)doorbell;"))
    run = interpret(s.encode([s.send(1), s.send(2)]), broken)
    broken.close()
    assert len(run.exchanges) == 1
    assert "not answered" in run.failure


def test_a_target_that_can_interfere_does_every_step(firmware: Path) -> None:
    """Bytes in the response area and across the begin of the request area, and a byte that changes once it was read."""
    script = s.encode(
        [
            *s.literal(b"scribble"),
            s.window(table.WINDOW_RESPONSE + 100),
            *s.literal(bytes(16)),
            s.window(table.WINDOW_REQUEST - 8),
            *sealed(),
            s.race(2, 0xFF),
            *sealed(),
        ]
    )
    executor = Executor(EmulatedTarget(firmware), watch_interval=0)
    executor.run(script)
    expected = plain(executor.exchanges)
    executor.close()
    debuggee = Debuggee(firmware)
    run = interpret(script, debuggee)
    debuggee.close()
    assert (run.undone, plain(run.exchanges)) == ("", expected)
    assert len(expected) == 4

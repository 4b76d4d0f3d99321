# SPDX-License-Identifier: GPL-2.0-or-later
"""The mutator keeps within its bounds, whatever the input is, and finds what the guest compares its input with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.fuzz import script as s
from harness.fuzz.engine import Engine, StatsFile, ffi, lib
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.seeds import encrypt, first_corpus, snippets
from harness.protocol import codec
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

GUARD = b"\xa5" * 64
FOUR_BYTES_AWAY = s.encode(encrypt(1, b"", b"AAAABBBB"))


class Fuzzer(NamedTuple):
    executor: Executor
    engine: Engine


Opened = Callable[..., Fuzzer]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """The process's engine on an image; the mutator uses the texts of the last one."""
    made: list[Fuzzer] = []

    def make(image: Path, raw: bool = False) -> Fuzzer:
        executor = Executor(EmulatedTarget(image), raw)
        stats = StatsFile(tmp_path / f"stats-{len(made)}", create=True)
        made.append(Fuzzer(executor, Engine(executor, stats, raw=raw)))
        return made[-1]

    yield make
    for fuzzer in made:
        fuzzer.executor.close()


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """One mutation; fails where a byte outside the buffer's `max_size` bytes has changed."""
    room = GUARD + data.ljust(max_size, b"\0") + GUARD
    buffer = ffi.new("uint8_t[]", room)
    size = lib.mutator_mutate(buffer + len(GUARD), len(data), max_size, seed, ffi.NULL)
    after = ffi.buffer(buffer, len(room))[:]
    assert size <= max_size
    assert after.startswith(GUARD)
    assert after.endswith(GUARD)
    return after[len(GUARD) : len(GUARD) + size]


# ---- bounds ----


@pytest.mark.parametrize("raw", [False, True])
def test_no_byte_beyond_the_limit_is_touched(opened: Opened, firmware: Path, raw: bool) -> None:
    engine = opened(firmware, raw).engine

    @settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        data=st.one_of(st.binary(max_size=200), st.sampled_from(first_corpus())),
        room=st.one_of(st.integers(0, 8), st.integers(0, 1000)),
        seed=st.integers(0, (1 << 32) - 1),
        run=st.booleans(),
    )
    def check(data: bytes, room: int, seed: int, run: bool) -> None:
        if run:
            engine.execute(data)  # its compares are at hand
        for further in range(4):
            mutate(data, len(data) + room, seed + further & 0xFFFF_FFFF)

    check()


def test_chains_of_mutations_stay_within_the_limit(opened: Opened, firmware: Path) -> None:
    engine = opened(firmware).engine
    seen = set()
    for start in first_corpus()[:20]:
        data = start[:100]
        for seed in range(100):
            data = mutate(data, 100, seed)
            seen.add(data)
            engine.execute(data)
    assert len(seen) > 500
    assert max(map(len, seen)) == 100


def test_very_long_inputs(opened: Opened, firmware: Path) -> None:
    opened(firmware)
    for data in (b"\x0a" * 5000, b"\x00\xff" + bytes(70_000), first_corpus()[0] * 3000):
        for seed in range(60):
            mutate(data, len(data) + 100, seed)


def test_an_input_of_nothing_becomes_one(opened: Opened, firmware: Path) -> None:
    opened(firmware)
    assert {mutate(b"", 1000, seed) for seed in range(100)} - {b""}
    assert {mutate(b"", 0, seed) for seed in range(100)} == {b""}


def test_an_input_is_not_lost_where_no_snippet_fits(opened: Opened, firmware: Path) -> None:
    opened(firmware)
    snippet, data = bytes(300), s.encode([s.ring()] * 200)
    kept, entry = ffi.from_buffer("uint8_t[]", snippet), ffi.new("struct engine_text *")
    entry.bytes, entry.size = kept, len(snippet)
    lib.mutator_use(entry, 1, ffi.NULL, 0)
    made = [mutate(data, len(data), seed) for seed in range(400)]
    assert min(map(len, made)) >= len(data) - 4 * 8  # so many steps can be left out at a time


# ---- what it makes ----


def test_the_seed_and_the_past_decide(opened: Opened, firmware: Path) -> None:
    """Two engines that have seen the same make the same."""
    rounds = []
    for _ in range(2):
        engine = opened(firmware).engine
        made = []
        for seed in range(300):
            engine.execute(FOUR_BYTES_AWAY)
            made.append(mutate(FOUR_BYTES_AWAY, 200, seed))
        rounds.append(made)
    assert rounds[0] == rounds[1]
    assert len(set(rounds[0])) > 150


def test_snippets_are_put_in_whole(opened: Opened, firmware: Path) -> None:
    opened(firmware)
    made = [mutate(FOUR_BYTES_AWAY, 1024, seed) for seed in range(500)]
    assert sum(any(snippet in out for snippet in set(snippets()) if len(snippet) > 12) for out in made) > 50


def test_most_mutations_are_other_scripts(opened: Opened, firmware: Path) -> None:
    opened(firmware)
    made = [mutate(FOUR_BYTES_AWAY, 200, seed) for seed in range(500)]
    assert sum(s.normal(out) != s.normal(FOUR_BYTES_AWAY) for out in made) > 300
    assert {step.op for out in made for step in s.decode(out)} == set(s.Op)


def test_a_counted_field_grows_with_its_count(opened: Opened, firmware: Path) -> None:
    """Additional data of one byte repeated, in a request that is sound."""
    executor, engine = opened(firmware)
    start = s.encode(encrypt(1, b"header", b"text"))
    grown = 0
    for seed in range(3000):
        data = mutate(start, 4000, seed)
        fill = [step for step in s.decode(data) if step.op is s.Op.FILL]
        engine.execute(data)
        answers = [e for e in executor.exchanges if e.status == 0]
        if len(fill) == 1 and len(answers) == 1:
            count, value = fill[0].arguments
            grown += answers[0].request[12 : 14 + count] == (6 + count).to_bytes(2, "little") + bytes([value]) * count
    assert grown > 10


# ---- from input to state ----


def mutations_until(engine: Engine, start: bytes, found: Callable[[bytes, Verdict], bool], most: int) -> int:
    """How many mutations of one input it takes."""
    for seed in range(most):
        engine.execute(start)
        data = mutate(start, 200, seed)
        if found(data, engine.execute(data)):
            return seed + 1
    raise AssertionError(f"not found by {most} mutations")


def test_a_magic_word_is_found(opened: Opened, locked: Path) -> None:
    """By chance it would take 2^32 mutations, or a byte after the other."""
    engine = opened(locked).engine
    assert engine.execute(FOUR_BYTES_AWAY) is Verdict.PASS
    used = mutations_until(engine, FOUR_BYTES_AWAY, lambda _, verdict: verdict is Verdict.FAULT, 2000)
    assert used == mutations_until(
        opened(locked).engine, FOUR_BYTES_AWAY, lambda _, verdict: verdict is Verdict.FAULT, 2000
    )


def test_a_key_id_is_found(opened: Opened, firmware: Path) -> None:
    """From an id that nobody has to one of the key store."""
    executor, engine = opened(firmware)

    def served(_data: bytes, verdict: Verdict) -> bool:
        return verdict is Verdict.PASS and any(e.status == 0 for e in executor.exchanges)

    start = s.encode(encrypt(0x7755_3311, b"", b"text"))
    engine.execute(start)
    assert executor.exchanges[0].status != 0
    mutations_until(engine, start, served, 500)


def test_what_the_script_does_not_hold_is_changed_in_the_request(opened: Opened, firmware: Path) -> None:
    """A key id of four equal bytes is one step that has a single one of them."""
    executor, engine = opened(firmware)
    start = s.encode([s.fill(4, 0x33), *s.literal(b"\0\0" + b"text"), s.send(table.AES_ENCRYPT.code)])

    def served(data: bytes, _verdict: Verdict) -> bool:
        flips = any(step.op is s.Op.FLIP for step in s.decode(data))
        return flips and any(e.request[8:12] != bytes(4) and e.status == 0 for e in executor.exchanges)

    mutations_until(engine, start, served, 1000)


def test_a_field_becomes_as_long_as_its_count_was_compared_with(opened: Opened, firmware: Path) -> None:
    """The service takes a tag of 16 bytes for additional data of at most a block in another way than for more."""
    executor, engine = opened(firmware)
    start = s.encode(encrypt(1, b"abc", b"defg"))
    engine.execute(start)
    compared = {(c.left, c.right) for c in executor.compares if c.left == 3 and c.right > 8}
    assert compared
    wanted = {right for _, right in compared}

    def as_long(_data: bytes, _verdict: Verdict) -> bool:
        return any(e.status == 0 and int.from_bytes(e.request[12:14], "little") in wanted for e in executor.exchanges)

    mutations_until(engine, start, as_long, 3000)


def test_a_request_becomes_as_long_as_its_length_was_compared_with(opened: Opened, firmware: Path) -> None:
    """The service compares every payload's length with the most that there may be."""
    executor, engine = opened(firmware)
    start = s.encode(encrypt(1, b"abc", b"defg"))

    def full(_data: bytes, _verdict: Verdict) -> bool:
        return any(len(e.request) == table.AREA_SIZE and e.status == 0 for e in executor.exchanges)

    mutations_until(engine, start, full, 3000)


def test_a_raw_request_gets_no_steps(opened: Opened, firmware: Path) -> None:
    """Without the engine's own mutation nothing but operands changes: the length stays."""
    engine = opened(firmware, raw=True).engine
    start = codec.aes_encrypt(0x33333333, b"", b"text")
    engine.execute(start)
    made = {mutate(start, 200, seed) for seed in range(500)}
    assert {len(data) for data in made} == {len(start)}
    assert len(made) > 5


def test_the_header_of_a_raw_request_is_found(opened: Opened, firmware: Path) -> None:
    """Magic and version first, which are compared together; then the type."""
    executor, engine = opened(firmware, raw=True)

    def beyond_the_header(_data: bytes, _verdict: Verdict) -> bool:
        return executor.exchanges[0].status != 1

    mutations_until(engine, b"\x55\x66\x01\x00\x00\x00\x00\x00", beyond_the_header, 500)

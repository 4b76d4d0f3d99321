# SPDX-License-Identifier: GPL-2.0-or-later
"""The executor does what docs/fuzzing.md says of each step, judges what it can, and begins every script from boot."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.cpu import lib
from emulator.l4.kernel_page import CLOCK_OFFSET
from emulator.stop import Fault, LimitReached
from harness.fuzz import script as s
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.fuzz.key_images import key_images, named_images
from harness.fuzz.script import Step
from harness.fuzz.seeds import decrypt, encrypt, first_corpus, keygen
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget

Defective = Callable[..., Path]
UNKNOWN = 0x7F
SENDS_MAX = 64
EXCHANGES_MAX = int(lib.EXECUTOR_EXCHANGES)
FORGED = [*s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(table.AES_DECRYPT.code)]


def run(executor: Executor, *steps: Step) -> Sequence[Exchange]:
    """The exchanges of a script that passes."""
    assert executor.run(s.encode(steps)) is Verdict.PASS
    return executor.exchanges


def payloads(executor: Executor, *steps: Step) -> list[bytes]:
    """What was sent behind the headers."""
    return [exchange.request[table.HEADER_SIZE :] for exchange in run(executor, *steps)]


def header(code: int, length: int) -> bytes:
    return bytes((0xC7, 1, code, 0)) + length.to_bytes(4, "little")


@pytest.fixture(scope="module")
def defective_executor(defective: Defective) -> Iterator[Callable[..., Executor]]:
    """Executors on the firmware with a change; they live as long as the module."""
    made: list[Executor] = []

    def make(*change: str, watch_interval: int = 0) -> Executor:
        made.append(Executor(EmulatedTarget(defective(*change)), watch_interval=watch_interval))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


# ---- building ----


def test_bytes_and_fill_append(executor: Executor) -> None:
    sent = payloads(executor, *s.literal(b"ab"), s.fill(3, 0x5A), *s.literal(b"c"), s.send(UNKNOWN), s.send(UNKNOWN))
    assert sent == [b"abZZZc", b""]


def test_what_does_not_fit_a_payload_is_left_out(executor: Executor) -> None:
    (sent,) = payloads(executor, s.fill(65535, 1), s.fill(65535, 2), *s.literal(b"abc"), s.send(UNKNOWN))
    assert sent == b"\1" * 65535 + b"\2"


@pytest.mark.parametrize(
    ("at", "flipped"), [(0, b"Abc"), (2, b"abC"), (-1, b"abC"), (-3, b"Abc"), (-4, b"Abc"), (3, b"abc"), (99, b"abc")]
)
def test_flip_changes_bits_where_something_was_built(executor: Executor, at: int, flipped: bytes) -> None:
    assert payloads(executor, *s.literal(b"abc"), s.flip(at, 0x20), s.send(UNKNOWN)) == [flipped]


@pytest.mark.parametrize(
    ("step", "part"),
    [
        (s.replay(), slice(None)),
        (s.replay(1), slice(0, 0)),  # that response has no payload
        (s.replay(0, 12), slice(12, None)),
        (s.replay(0, 0, 12), slice(12)),
        (s.replay(0, -16), slice(-16, None)),
        (s.replay(0, 4, -16), slice(4, -16)),
        (s.replay(0, -16, -4), slice(-16, -4)),
        (s.replay(0, 5000), slice(0, 0)),
        (s.replay(0, 0, 5000), slice(None)),
        (s.replay(2), slice(0, 0)),  # there is no such response
    ],
    ids=str,
)
def test_replay_appends_a_part_of_an_answer(executor: Executor, step: Step, part: slice) -> None:
    exchanges = run(executor, s.send(UNKNOWN), *encrypt(1, b"", bytes(40)), *s.literal(b"<"), step, s.send(UNKNOWN))
    answered = exchanges[1].payload
    assert len(answered) == 68
    assert exchanges[2].request == header(UNKNOWN, 1 + len(answered[part])) + b"<" + answered[part]


def test_replay_reaches_64_answers_back(executor: Executor) -> None:
    for others, expected in ((63, 28), (64, 0)):
        exchanges = run(executor, *encrypt(1), s.send(UNKNOWN), s.repeat(others - 1), s.replay(others), s.send(UNKNOWN))
        assert len(exchanges[-1].request) == table.HEADER_SIZE + expected


# ---- sending ----


def test_send_has_a_sound_header(executor: Executor) -> None:
    for code in (*table.BY_CODE, 0, UNKNOWN, 0xFF):
        (exchange,) = run(executor, *s.literal(b"abc"), s.send(code))
        assert exchange.request == header(code, 3) + b"abc"


def test_send_raw_has_what_was_built(executor: Executor) -> None:
    (exchange,) = run(executor, *s.literal(header(2, 4) + b"abcd"), s.send_raw())
    assert exchange.request == header(2, 4) + b"abcd"
    (exchange,) = run(executor, s.send_raw())
    assert (exchange.request, exchange.status) == (b"", Status.INVALID_HEADER)


def test_claim_is_for_the_next_send_alone(executor: Executor) -> None:
    exchanges = run(executor, s.claim(5), s.claim(0x1234_5678), *s.literal(b"ab"), s.send(1), s.send(1))
    assert [exchange.request for exchange in exchanges] == [header(1, 0x1234_5678) + b"ab", header(1, 0)]
    assert [exchange.status for exchange in exchanges] == [Status.PAYLOAD_TOO_LARGE, Status.INVALID_PAYLOAD]


def test_what_was_built_and_not_sent_is_sent_at_the_end(executor: Executor) -> None:
    exchanges = run(executor, s.send(UNKNOWN), *s.literal(header(UNKNOWN, 0)))
    assert [exchange.request for exchange in exchanges] == [header(UNKNOWN, 0)] * 2
    assert run(executor) == []


def test_ring_finds_the_area_as_it_is(executor: Executor) -> None:
    """The client has cleared the request behind its answer."""
    exchanges = run(executor, s.send(UNKNOWN), s.ring())
    assert (exchanges[1].request, exchanges[1].status) == (b"", Status.INVALID_HEADER)


def test_repeat_posts_the_last_request_again(executor: Executor) -> None:
    assert run(executor, s.repeat(3)) == []
    exchanges = run(executor, *encrypt(1, b"", b"text"), s.keys(1), s.clock(5), s.repeat(2))
    assert [exchange.request for exchange in exchanges] == [exchanges[0].request] * 3
    assert [(exchange.image, exchange.clock) for exchange in exchanges] == [(0, 0), (1, 5), (1, 5)]
    assert len({exchange.payload for exchange in exchanges}) == 3


# ---- what is round the requests ----


@pytest.mark.parametrize(
    ("steps", "now"),
    [
        ([s.clock(1500)], 1500),
        ([s.clock(1500), s.clock(-500)], 1000),
        ([s.clock(3, 10)], 3072),
        ([s.clock(3, 42)], 3072),  # the shift counts modulo 32
        ([s.clock(-1)], 0),
        ([s.clock(0x7FFF_FFFF, 31)] * 5, (1 << 64) - 1),
        ([s.clock(0x7FFF_FFFF, 31)] * 5 + [s.clock(-1)], (1 << 64) - 2),
        ([s.clock(-0x8000_0000, 31)], 0),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_the_clock_steps_and_stays_within_its_word(executor: Executor, steps: list[Step], now: int) -> None:
    (exchange,) = run(executor, *steps, s.send(UNKNOWN))
    assert exchange.clock == now
    word = executor.target.board.kernel_page.base + CLOCK_OFFSET
    assert int.from_bytes(executor.target.machine.read(word, 8), "little") == now


def test_the_guest_sees_the_clock(executor: Executor) -> None:
    exchanges = run(executor, s.send(UNKNOWN), s.repeat(100), s.clock(99_999), s.repeat(1), s.clock(1), s.repeat(1))
    limited = [exchange.status == Status.RATE_LIMITED for exchange in exchanges]
    assert limited == [False] * 100 + [True, True, False]


def test_the_key_manager_writes_an_image(executor: Executor) -> None:
    names = list(named_images())
    unparsable = names.index("unparsable")
    asked = encrypt(1)
    exchanges = run(executor, *asked, s.keys(unparsable), *asked, s.keys(len(names)), *asked, s.keys(0), *asked)
    assert [exchange.status for exchange in exchanges] == [Status.SUCCESS, Status.KEY_NOT_FOUND] + [Status.SUCCESS] * 2
    assert [exchange.image for exchange in exchanges] == [0, unparsable, 0, 0]


def test_a_write_to_the_request_area_is_found_by_the_ring(executor: Executor) -> None:
    begin = table.WINDOW_REQUEST
    (exchange,) = run(executor, *s.literal(header(UNKNOWN, 0)), s.window(begin), s.ring())
    assert (exchange.request, exchange.status) == (header(UNKNOWN, 0), Status.INVALID_TYPE)
    exchanges = run(executor, *s.literal(b"tail"), s.window(begin + 20), s.send(UNKNOWN), s.send(UNKNOWN))
    assert exchanges[0].request == header(UNKNOWN, 0) + bytes(12) + b"tail"
    assert exchanges[1].request == header(UNKNOWN, 0)


def test_a_write_to_the_window_ends_with_it_and_counts_modulo_its_size(executor: Executor) -> None:
    window = executor.target.window.memory
    last = table.WINDOW_SIZE - 2
    assert run(executor, *s.literal(b"abcd"), s.window(last + 3 * table.WINDOW_SIZE)) == []
    assert bytes(window[last : table.WINDOW_SIZE]) == b"ab"
    assert run(executor) == []
    assert not any(window[last : table.WINDOW_SIZE])


def test_a_write_over_both_ends_of_the_request_area(executor: Executor) -> None:
    before, behind = table.WINDOW_REQUEST - 2, table.WINDOW_REQUEST + table.AREA_SIZE - 2
    exchanges = run(
        executor, *s.literal(b"..abcd"), s.window(before), s.ring(), s.fill(6, 1), s.window(behind), s.ring()
    )
    assert exchanges[0].request == b"abcd"
    assert len(exchanges[1].request) == table.AREA_SIZE
    assert exchanges[1].request[-2:] == b"\1\1"


def test_a_doorbell_that_comes_round_to_the_answered_value_is_no_exchange(executor: Executor) -> None:
    """The write puts the doorbell one before what was answered last; the ring changes nothing that the guest saw."""
    back = [*s.literal(bytes(4)), s.window(0)]
    exchanges = run(executor, s.send(UNKNOWN), *back, *s.literal(b"kept"), s.send_raw(), s.ring())
    assert [exchange.request for exchange in exchanges] == [header(UNKNOWN, 0), b"kept"]


def test_a_doorbell_may_be_any_number(executor: Executor) -> None:
    for value in (0xFFFF_FFFE, 0xFFFF_FFFF, 0x8000_0000):
        exchanges = run(executor, *s.literal(value.to_bytes(4, "little")), s.window(0), s.send(UNKNOWN), s.repeat(2))
        assert len(exchanges) == (2 if value == 0xFFFF_FFFF else 3)  # 0 is what was answered at boot


# ---- races ----


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 60), mask=st.integers(1, 255), which=st.integers(0, 2))
def test_a_race_changes_nothing_for_who_fetches_once(executor: Executor, at: int, mask: int, which: int) -> None:
    steps = [encrypt(1, b"aad", b"some text"), FORGED, keygen(0x512)][which]
    calm = run(executor, *steps)
    assert run(executor, s.race(at, mask), *steps) == calm
    window = executor.target.window.memory
    assert not any(window[table.WINDOW_REQUEST : table.WINDOW_RESPONSE])


def test_a_race_shows_who_fetches_twice(defective_executor: Callable[..., Executor]) -> None:
    executor = defective_executor("length-fetched-twice")
    assert executor.run(s.encode(FORGED)) is Verdict.PASS
    assert executor.run(s.encode([s.race(4, 1), *FORGED])) is Verdict.DOUBLE_FETCH
    assert executor.run(s.encode([s.race(4, 0), *FORGED])) is Verdict.PASS


def test_every_so_many_th_script_is_watched(defective_executor: Callable[..., Executor]) -> None:
    executor = defective_executor("response-length-read-back", watch_interval=3)
    verdicts = [executor.run(s.encode(FORGED)) for _ in range(7)]
    assert verdicts == [Verdict.DOUBLE_FETCH, Verdict.PASS, Verdict.PASS] * 2 + [Verdict.DOUBLE_FETCH]


# ---- verdicts ----


def test_a_fault_is_explained(planted_executor: Executor) -> None:
    script = s.encode([*encrypt(1), *encrypt(0x41, b"", b"text!"), *encrypt(1)])
    assert planted_executor.run(script) is Verdict.FAULT
    stop = planted_executor.stop
    assert isinstance(stop, Fault)
    assert (stop.kind, stop.address) == ("write not granted", 0x6000_0000)
    assert stop.call_chain[0].startswith("aes_encrypt_check")
    assert len(planted_executor.exchanges) == 2  # nothing comes behind it


@pytest.mark.parametrize("key_id", [0x42, 0x43])
def test_a_hang_ends_at_the_bound_of_its_operation(planted_executor: Executor, key_id: int) -> None:
    assert planted_executor.run(s.encode(encrypt(key_id, b"", b"text"))) is Verdict.HANG
    bound = table.AES_ENCRYPT.bound
    least = bound.fixed + bound.per_byte * (6 + 4)
    assert least <= planted_executor.exchanges[0].instructions < least + 1000
    assert isinstance(planted_executor.stop, LimitReached)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (("service/ipc.c", "    window_answer(doorbell);", "    (void)doorbell;"), Verdict.UNANSWERED),
        (("error-carries-a-payload",), Verdict.MALFORMED),
        (("response-version-wrong",), Verdict.MALFORMED),
        (
            ("service/aes_decrypt.c", "status = STATUS_DECRYPTION_FAILED;", "status = (enum status)0x2a;"),
            Verdict.STATUS,
        ),
        (
            ("service/aes_decrypt.c", "status = STATUS_DECRYPTION_FAILED;", "status = (enum status)0x0a;"),
            Verdict.STATUS,
        ),
    ],
    ids=["unanswered", "malformed", "version", "status", "first unused status"],
)
def test_answers_that_are_none(
    defective_executor: Callable[..., Executor], change: tuple[str, ...], verdict: Verdict
) -> None:
    executor = defective_executor(*change)
    assert executor.run(s.encode([*FORGED, s.send(UNKNOWN)])) is verdict
    assert len(executor.exchanges) == 1


def test_a_judge_is_asked_behind_what_passed(firmware: Path) -> None:
    with closing(Executor(EmulatedTarget(firmware))) as executor:
        asked: list[int] = []

        def judge() -> Verdict:
            asked.append(len(executor.exchanges))
            return Verdict.MISMATCH

        executor.judge(judge)
        assert executor.run(s.encode([s.send(UNKNOWN), s.repeat(2)])) is Verdict.MISMATCH
        assert executor.run(b"") is Verdict.PASS  # nothing was exchanged
        assert asked == [3]


# ---- limits ----


def test_sends_of_a_script(executor: Executor) -> None:
    assert len(run(executor, *[s.send(UNKNOWN)] * (SENDS_MAX + 6))) == SENDS_MAX
    assert len(run(executor, *[s.ring(), s.send_raw()] * SENDS_MAX)) == SENDS_MAX
    ended = run(executor, *[s.send(UNKNOWN)] * (SENDS_MAX + 1), s.repeat(9), *s.literal(b"built"))
    assert len(ended) == SENDS_MAX


def test_exchanges_of_a_script(executor: Executor) -> None:
    assert len(run(executor, s.send(UNKNOWN), *[s.repeat(255)] * 3)) == EXCHANGES_MAX


def test_room_for_the_exchanges_of_a_script(executor: Executor) -> None:
    exchanges = run(executor, s.fill(65535), s.send(UNKNOWN), s.repeat(255))
    kept = sum(len(exchange.request) + len(exchange.payload) for exchange in exchanges)
    assert kept <= 8 << 20 < kept + 3 * table.AREA_SIZE


def test_instructions_of_a_script(firmware: Path) -> None:
    """It ends behind the exchange that used them up, and that is no finding."""
    with closing(Executor(EmulatedTarget(firmware), script_budget=100_000)) as executor:
        exchanges = run(executor, *encrypt(1, b"", b"text"), s.repeat(20))
        spent = [exchange.instructions for exchange in exchanges]
        assert sum(spent[:-1]) <= 100_000 < sum(spent)
        assert executor.instructions == sum(spent)


# ---- every script begins behind boot ----

BUSY = [*encrypt(1, b"aad", bytes(300)), *decrypt(1, b"aad"), *keygen(0x512), s.keys(1), s.clock(77), *encrypt(2)]


def state(executor: Executor) -> list[bytes]:
    """All that the guest can write."""
    regions = executor.target.board.regions
    machine = executor.target.machine
    return [machine.read(r.base, r.size) for r in regions if "w" in r.access and r.base < 0x4000_0000]


def test_a_script_leaves_nothing_to_the_next(executor: Executor) -> None:
    run(executor)
    pristine = state(executor)
    first = run(executor, *BUSY)
    assert [exchange.status for exchange in first] == [Status.SUCCESS] * 4
    assert state(executor) != pristine  # the nonce filters among it
    run(executor)
    assert state(executor) == pristine
    assert run(executor, *BUSY) == first


def test_window_writes_leave_nothing_to_the_next(executor: Executor) -> None:
    run(executor)
    pristine = state(executor)
    spread = [step for page in range(0, table.WINDOW_SIZE, 4096) for step in (s.fill(300, 0xEE), s.window(page + 4000))]
    executor.run(s.encode([*spread, s.ring()]))
    assert bytes(executor.target.window.memory).count(0xEE) > 5000
    run(executor)
    assert state(executor) == pristine


def test_findings_leave_nothing_to_the_next(planted_executor: Executor) -> None:
    first = run(planted_executor, *BUSY)
    pristine = state(planted_executor) if run(planted_executor) == [] else []
    for key_id, verdict in ((0x41, Verdict.FAULT), (0x42, Verdict.HANG), (0x43, Verdict.HANG)):
        failing = [*BUSY, s.race(3, 7), *s.literal(b"x" * 50), s.window(table.WINDOW_REQUEST + 900)]
        assert planted_executor.run(s.encode([*failing, *encrypt(key_id, b"", b"12345")])) is verdict
        assert planted_executor.stop is not None
        assert run(planted_executor) == []
        assert state(planted_executor) == pristine
        assert run(planted_executor, *BUSY) == first


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.one_of(st.sampled_from(first_corpus()), st.binary(max_size=60)), max_size=4))
def test_the_same_script_does_the_same(executor: Executor, pieces: list[bytes]) -> None:
    script = b"".join(pieces)
    assert executor.run(script) is Verdict.PASS
    first = executor.exchanges
    executor.run(s.encode(BUSY))
    assert executor.run(script) is Verdict.PASS
    assert executor.exchanges == first


# ---- requests without a script ----


def test_raw_inputs_are_requests(firmware: Path) -> None:
    with closing(Executor(EmulatedTarget(firmware), raw=True)) as executor:
        for request, status in (
            (b"", Status.INVALID_HEADER),
            (b"\x04\x01", Status.INVALID_HEADER),
            (header(UNKNOWN, 0), Status.INVALID_TYPE),
            (header(1, 6) + bytes((1, 0, 0, 0, 0, 0)), Status.SUCCESS),
            (bytes(table.AREA_SIZE + 9), Status.INVALID_HEADER),
        ):
            assert executor.run(request) is Verdict.PASS
            (exchange,) = executor.exchanges
            assert exchange.request == request[: table.AREA_SIZE]
            assert exchange.status == status


# ---- what it tells ----


def test_exchanges_are_counted_by_type_and_status(executor: Executor) -> None:
    reached = array("Q", bytes(8 * 256 * lib.EXECUTOR_STATUSES))
    address, _ = reached.buffer_info()
    executor.count_into(address)
    executor.run(s.encode([*encrypt(1), s.repeat(2), s.send(UNKNOWN), s.send(2)]))
    counted = {divmod(at, lib.EXECUTOR_STATUSES): count for at, count in enumerate(reached) if count}
    executor.count_into(0)
    assert counted == {(1, 0): 3, (UNKNOWN, Status.INVALID_TYPE): 1, (2, Status.INVALID_PAYLOAD): 1}


def test_keys_of_findings_look_alike(planted_executor: Executor) -> None:
    def key(*steps: Step) -> int:
        verdict = planted_executor.run(s.encode(steps))
        assert verdict is not Verdict.PASS
        return int(lib.executor_key(planted_executor.native, int(verdict)))

    fault, hang = encrypt(0x41, b"", b"12345"), encrypt(0x42)
    assert key(*fault) == key(s.send(UNKNOWN), *fault) != key(*hang) == key(*encrypt(1), *hang)


def test_key_images_are_as_many_as_the_executor_takes() -> None:
    assert len(key_images()) <= lib.EXECUTOR_IMAGES

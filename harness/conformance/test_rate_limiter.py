# SPDX-License-Identifier: GPL-2.0-or-later
"""The rate limiter (RATE-1, RATE-2), to the microsecond: a bucket of 100 tokens, one per 1000 us, cooldown 100 ms."""

from __future__ import annotations

from random import Random

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import CHEAPEST, granted, nonce_number, refused, seal_outside
from harness.default_keys import AES_KEY_ID
from harness.protocol.commands import Status
from harness.targets.base import CLOCK

_U64 = 2**64


@pytest.fixture
def limited(dut: Dut) -> Dut:
    """A service whose clock stands still at 1 second unless the test moves it."""
    dut.require(CLOCK)
    dut.clock.pace = 0
    dut.clock.set(1_000_000)
    return dut


def _served(dut: Dut) -> bool:
    """Send the cheapest request: INVALID_TYPE when it is let through."""
    status = dut.exchange(CHEAPEST).status
    assert status in (Status.INVALID_TYPE, Status.RATE_LIMITED)
    return status is Status.INVALID_TYPE


def _burst(dut: Dut) -> int:
    """How many requests are served at a standing clock before the first that is not; that one starts a cooldown."""
    count = 0
    while _served(dut):
        count += 1
        assert count <= 100, "more than 100 requests at one moment"
    return count


def _drain(dut: Dut, count: int = 100) -> None:
    """Take so many tokens, all of which have to be there; no cooldown begins."""
    for number in range(count):
        assert _served(dut), f"request {number + 1} of {count} is refused"


def _at(dut: Dut, microseconds: int) -> bool:
    """Whether a request at this reading of the clock is served."""
    dut.clock.set(microseconds)
    return _served(dut)


@pytest.mark.clause("RATE-1", "RATE-2")
@pytest.mark.parametrize("now", [0, 1, 999, 10**9, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
def test_rate_1_a_burst_is_100_requests(limited: Dut, now: int) -> None:
    """The bucket starts full, whatever the clock reads."""
    limited.clock.set(now)
    assert _burst(limited) == 100
    refused(limited.aes_encrypt(AES_KEY_ID), Status.RATE_LIMITED)


@pytest.mark.clause("RATE-1")
def test_a_thousand_requests_a_second_are_served_for_ever(limited: Dut) -> None:
    for number in range(5000):
        limited.clock.advance(1000)
        assert _served(limited), f"request {number + 1}"


@pytest.mark.clause("RATE-1")
@pytest.mark.parametrize("step", [200, 500, 900, 990])
def test_more_than_a_thousand_a_second_are_not(limited: Dut, step: int) -> None:
    """The burst's 100 and the second's 1000 are the most that any second serves."""
    served = 0
    for _ in range(1_000_000 // step):
        limited.clock.advance(step)
        served += _served(limited)
    assert 100 < served <= 1100


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize(("elapsed", "served"), [(0, 0), (1, 0), (999, 0), (1000, 1), (1001, 1), (1999, 1), (2000, 2)])
def test_a_token_takes_1000_microseconds(limited: Dut, elapsed: int, served: int) -> None:
    _drain(limited)
    limited.clock.advance(elapsed)
    assert _burst(limited) == served


@pytest.mark.clause("RATE-2")
def test_the_remainder_is_kept(limited: Dut) -> None:
    """From 1 token on, a request every 999 us: each costs 1 us of the reserve, which is used up after 1000 of them."""
    _drain(limited, 99)
    for number in range(1000):
        limited.clock.advance(999)
        assert _served(limited), f"request {number + 1}: a fraction is lost"
    limited.clock.advance(999)
    assert not _served(limited)


@pytest.mark.clause("RATE-2")
def test_the_remainder_is_kept_to_the_microsecond(limited: Dut) -> None:
    start = limited.clock.now
    _drain(limited)
    assert _at(limited, start + 1500)
    assert _at(limited, start + 2000)
    assert _at(limited, start + 3999)
    assert _at(limited, start + 4000)
    assert not _at(limited, start + 4999)


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize("asked", [(), (1,), (1, 50_000, 99_998, 99_999), tuple(range(100, 100_000, 100))])
def test_a_cooldown_lasts_100_milliseconds(limited: Dut, asked: tuple[int, ...]) -> None:
    """However often somebody asks in between: refused requests take nothing and do not extend it."""
    start = limited.clock.now
    assert _burst(limited) == 100
    for elapsed in asked:
        assert not _at(limited, start + elapsed), f"served {elapsed} us into the cooldown"
    assert not _at(limited, start + 99_999)
    assert _at(limited, start + 100_000)
    assert _burst(limited) == 99


@pytest.mark.clause("RATE-2")
def test_a_cooldown_begins_with_the_request_that_is_refused(limited: Dut) -> None:
    """Not with the one that took the last token."""
    start = limited.clock.now
    _drain(limited)
    assert not _at(limited, start + 700)
    assert not _at(limited, start + 100_000)
    assert not _at(limited, start + 100_699)
    assert _at(limited, start + 100_700)


@pytest.mark.clause("RATE-2")
def test_a_second_cooldown_is_as_long_as_the_first(limited: Dut) -> None:
    now = limited.clock.now
    for _ in range(5):
        limited.clock.set(now)
        assert _burst(limited) == 100
        assert not _at(limited, now + 99_999)
        now += 100_000


@pytest.mark.clause("RATE-2")
def test_tokens_accrue_during_a_cooldown(limited: Dut) -> None:
    """Those of its 100,000 us, and the fraction from before it."""
    start = limited.clock.now
    _drain(limited)
    assert not _at(limited, start + 999)
    limited.clock.set(start + 100_999)
    assert _burst(limited) == 100


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize("idle", [100_000, 100_001, 100_999, 150_000, 10**6, 2**32, 2**40, 2**63])
def test_the_bucket_holds_100_tokens_and_no_fraction(limited: Dut, idle: int) -> None:
    start = limited.clock.now
    _drain(limited)
    limited.clock.set(start + idle)
    _drain(limited)
    assert not _at(limited, start + idle + 999)


@pytest.mark.clause("RATE-2")
def test_a_full_bucket_at_start_holds_no_fraction(limited: Dut) -> None:
    assert _at(limited, 1_000_999)
    _drain(limited, 99)
    assert not _at(limited, 1_001_998)


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize("tokens", [1, 37, 99])
def test_tokens_add_up_with_those_that_are_left(limited: Dut, tokens: int) -> None:
    _drain(limited, 100 - tokens)
    limited.clock.advance(1000 * (100 - tokens) - 1)
    assert _burst(limited) == 99


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize("back", [1, 1000, 50_000, 1_000_000])
def test_a_step_back_is_no_time(limited: Dut, back: int) -> None:
    """And time goes on from the lower reading."""
    lower = limited.clock.now - back
    _drain(limited, 99)
    assert _at(limited, lower)
    assert _at(limited, lower + 1000)
    assert not _at(limited, lower + 1999)


@pytest.mark.clause("RATE-2")
def test_a_step_back_neither_ends_nor_extends_a_cooldown(limited: Dut) -> None:
    start = limited.clock.now
    assert _burst(limited) == 100
    assert not _at(limited, start + 40_000)
    assert not _at(limited, start - 500_000)
    assert not _at(limited, start - 500_000 + 59_999)
    assert _at(limited, start - 500_000 + 60_000)


@pytest.mark.clause("RATE-2")
def test_a_clock_that_jumps_to_and_fro_gains_its_forward_steps(limited: Dut) -> None:
    """Only steps that a request sees count; each of these is seen."""
    start = limited.clock.now
    _drain(limited, 90)
    for round in range(1, 11):
        assert _at(limited, start - 10 * round), f"round {round}, stepped back"
        assert _at(limited, start - 10 * round + 1000), f"round {round}, stepped forward"
    assert not _served(limited)


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize("base", [2**32 - 500, 2**33 - 1, 2**48, _U64 - 201_000])
def test_the_clock_has_64_bits(limited: Dut, base: int) -> None:
    limited.clock.set(base)
    assert _burst(limited) == 100
    assert not _at(limited, base + 99_999)
    assert _at(limited, base + 100_000)
    _drain(limited, 99)
    assert not _at(limited, base + 100_999)
    assert not _at(limited, base + 200_998)
    assert _at(limited, base + 200_999)


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize("jump", [2**32, 2**32 + 999, 2**63, _U64 - 1])
def test_a_jump_of_more_than_32_bits_is_time(limited: Dut, jump: int) -> None:
    """From 0, with 0 and with 60 tokens left, and in a cooldown; no sum of it overflows."""
    for taken in (100, 40):
        limited.boot()
        limited.clock.set(0)
        _drain(limited, taken)
        limited.clock.set(jump)
        assert _burst(limited) == 100
    limited.boot()
    limited.clock.set(0)
    assert _burst(limited) == 100
    limited.clock.set(jump)
    assert _burst(limited) == 100


@pytest.mark.clause("RATE-2")
def test_from_the_clock_s_end_back_to_zero_is_no_time(limited: Dut) -> None:
    limited.clock.set(_U64 - 1)
    assert _burst(limited) == 100
    assert not _at(limited, 0)
    assert not _at(limited, 99_999)
    assert _at(limited, 100_000)


@pytest.mark.clause("RATE-2")
@pytest.mark.parametrize(
    "request_bytes",
    [b"", b"\xc7", bytes(8), bytes.fromhex("c7010100ffffffff"), bytes.fromhex("c701010000000000"), b"\xff" * 65544],
    ids=["nothing", "one byte", "zeros", "too large", "no payload", "full area"],
)
def test_malformed_requests_take_tokens(limited: Dut, request_bytes: bytes) -> None:
    for number in range(100):
        assert limited.exchange(request_bytes).status is not Status.RATE_LIMITED, f"request {number + 1}"
    refused(limited.aes_encrypt(AES_KEY_ID), Status.RATE_LIMITED)


@pytest.mark.clause("RATE-2")
def test_every_operation_takes_one_token(limited: Dut) -> None:
    for number in range(50):
        granted(limited.aes_encrypt(AES_KEY_ID, bytes(number)))
        granted(limited.aes_decrypt(AES_KEY_ID, nonce_number(number), *seal_outside(AES_KEY_ID, nonce_number(number))))
    refused(limited.aes_encrypt(AES_KEY_ID), Status.RATE_LIMITED)


@pytest.mark.clause("RATE-2")
def test_a_boot_fills_the_bucket_and_ends_a_cooldown(limited: Dut) -> None:
    assert _burst(limited) == 100
    limited.boot()
    assert _burst(limited) == 100


@pytest.mark.clause("RATE-1", "RATE-2")
@pytest.mark.parametrize("seed", range(3))
def test_random_schedules(limited: Dut, seed: int) -> None:
    """Bursts, pauses, creeping and stepping back, each answer as the model has it."""
    random = Random(seed)
    served = 0
    for _ in range(1000):
        step = random.choice((0, 0, 1, 333, 999, 1000, 1001, 5000, 99_000, 100_000, -1, -700, -80_000))
        limited.clock.set(max(0, limited.clock.now + step))
        for _ in range(random.choice((1, 1, 1, 2, 20))):
            served += _served(limited)
    assert served > 300

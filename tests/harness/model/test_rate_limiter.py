# SPDX-License-Identifier: GPL-2.0-or-later
"""The token bucket to the microsecond, by hand and against a slow second reading of RATE-2."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from harness.model.rate_limiter import RateLimiter


def spent(now: int) -> RateLimiter:
    """A limiter whose bucket was emptied at `now`."""
    limiter = RateLimiter()
    assert all(limiter.take(now) for _ in range(100))
    return limiter


def test_burst_is_a_hundred() -> None:
    for now in (0, 5, 10**12):
        assert not spent(now).take(now)


def test_empty_bucket_refills_after_an_interval() -> None:
    assert spent(0).take(1000)
    assert not spent(0).take(999)


def test_fraction_is_kept() -> None:
    limiter = spent(0)
    assert limiter.take(1999)
    assert limiter.take(2000)
    assert not limiter.take(2999)


def test_refusal_keeps_the_fraction_and_takes_nothing() -> None:
    limiter = spent(0)
    assert not limiter.take(999)
    assert not limiter.take(100_998)
    assert all(limiter.take(100_999) for _ in range(100))
    assert not limiter.take(100_999)


def test_full_bucket_holds_no_fraction() -> None:
    limiter = RateLimiter()
    assert limiter.take(999)  # full until now: what had passed before is lost
    assert limiter.take(1998)  # 999 on: 99 tokens and a fraction
    for _ in range(98):
        assert limiter.take(1998)
    assert not limiter.take(1998)
    again = RateLimiter()
    assert all(again.take(400) for _ in range(100))  # the first 400 us came to a full bucket
    assert not again.take(1399)
    full = RateLimiter()
    assert all(full.take(10**6 + 500) for _ in range(100))
    assert not full.take(10**6 + 1499)


def test_cooldown_ends_exactly() -> None:
    limiter = spent(0)
    assert not limiter.take(500)
    assert not limiter.take(100_499)
    assert limiter.take(100_500)


def test_refused_requests_do_not_extend_the_cooldown() -> None:
    limiter = spent(0)
    for now in range(0, 100_000, 777):
        assert not limiter.take(now)
    assert limiter.take(100_000)


def test_tokens_accrue_during_cooldown() -> None:
    limiter = spent(0)
    assert not limiter.take(0)
    assert all(limiter.take(100_000) for _ in range(100))
    assert not limiter.take(100_000)


def test_step_back_counts_as_no_time() -> None:
    limiter = spent(5000)
    assert not limiter.take(1000)  # no token has come, and a cooldown begins
    assert not limiter.take(100_999)  # 99,999 us after it
    assert limiter.take(101_000)


def test_time_goes_on_from_the_lower_reading() -> None:
    limiter = RateLimiter()
    assert all(limiter.take(10_000) for _ in range(99))
    assert limiter.take(0)  # the last token
    assert limiter.take(1000)  # one has come, though the clock has read 10,000 before
    assert not limiter.take(1999)


def test_cooldown_is_measured_in_forward_steps() -> None:
    limiter = spent(10**6)
    assert not limiter.take(10**6)
    assert not limiter.take(10**6 + 60_000)
    assert not limiter.take(0)  # 60 ms of the cooldown are over, and stay so
    assert not limiter.take(39_999)
    assert limiter.take(40_000)


class SlowLimiter:
    """RATE-2 read once more, with fractions of tokens and absolute times."""

    def __init__(self) -> None:
        self.time = 0
        self.clock = 0
        self.tokens = Fraction(100)
        self.cooldown_end = 0

    def take(self, now: int) -> bool:
        passed = max(0, now - self.clock)
        self.clock = now
        self.time += passed
        self.tokens = min(Fraction(100), self.tokens + Fraction(passed, 1000))
        if self.time < self.cooldown_end:
            return False
        if self.tokens < 1:
            self.cooldown_end = self.time + 100_000
            return False
        self.tokens -= 1
        return True


STEPS = st.lists(
    st.tuples(st.sampled_from([1, 10, 99, 120]), st.integers(-150_000, 150_000) | st.integers(-2000, 2000)), max_size=20
)


@given(st.integers(0, 2**63), STEPS)
def test_second_reading(start: int, steps: list[tuple[int, int]]) -> None:
    limiter, slow, now = RateLimiter(), SlowLimiter(), start
    for repeat, step in steps:
        now = max(0, now + step)
        for _ in range(repeat):
            assert limiter.take(now) == slow.take(now)


def test_snapshot_and_restore() -> None:
    limiter = spent(0)
    before = limiter.snapshot()
    assert not limiter.take(0)
    during = limiter.snapshot()
    limiter.restore(before)
    assert limiter.take(1000)
    limiter.restore(during)
    assert not limiter.take(1000)

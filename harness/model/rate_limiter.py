# SPDX-License-Identifier: GPL-2.0-or-later
"""The token bucket with cooldown (RATE-1, RATE-2)."""

from dataclasses import dataclass

from harness.protocol.commands import RATE_CAPACITY, RATE_COOLDOWN_US, RATE_INTERVAL_US

_FULL_US = RATE_CAPACITY * RATE_INTERVAL_US


@dataclass(frozen=True, slots=True)
class LimiterState:
    """A limiter's state at one moment; see the attributes of RateLimiter."""

    clock: int
    credit: int
    cooldown: int


class RateLimiter:
    """Decides which requests are RATE_LIMITED; every time is in microseconds.

    A token is 1000 microseconds of credit, so that the bucket keeps the fraction of a token by itself.
    """

    __slots__ = ("_clock", "_cooldown", "_credit")

    _clock: int
    _credit: int
    _cooldown: int

    def __init__(self) -> None:
        # A full bucket gains nothing, whatever the first reading of the clock is.
        self.restore(LimiterState(clock=0, credit=_FULL_US, cooldown=0))

    def take(self, now: int) -> bool:
        """Whether a request at clock reading `now` is let through; takes its token if so."""
        elapsed = now - self._clock
        self._clock = now
        if elapsed > 0:
            credit = self._credit + elapsed
            self._credit = credit if credit < _FULL_US else _FULL_US
            if self._cooldown:
                self._cooldown = self._cooldown - elapsed if self._cooldown > elapsed else 0
        if self._cooldown:
            return False
        if self._credit < RATE_INTERVAL_US:
            self._cooldown = RATE_COOLDOWN_US
            return False
        self._credit -= RATE_INTERVAL_US
        return True

    def snapshot(self) -> LimiterState:
        """The present state."""
        return LimiterState(self._clock, self._credit, self._cooldown)

    def restore(self, state: LimiterState) -> None:
        """Goes to any state that `snapshot` has returned."""
        self._clock = state.clock  # the last reading seen
        self._credit = state.credit  # 0 to 100,000
        self._cooldown = state.cooldown  # what is left of it; 0 when there is none

# SPDX-License-Identifier: GPL-2.0-or-later
"""Random requests that checks 1 to 4 refuse, from a seed: nothing but the protocol's own cost is in them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from harness.default_keys import default_keys
from harness.differential.actions import Action, Exchange, SetClock, Start
from harness.protocol import commands as table
from harness.protocol.codec import RawRequest, Response

_UNKNOWN_TYPES: Final = tuple(code for code in range(256) if code not in table.BY_CODE)
_KNOWN_TYPES: Final = tuple(table.BY_CODE)
_PAYLOAD_MAX: Final = 64
# Requests that an episode chooses from again and again: to draw one takes longer than to have it refused.
_STOCK: Final = 50
# How likely a request comes without time for a token; within an episode the bucket runs empty now and then.
_HASTY: Final = 0.25


class RefusedRequests:
    """One episode, as Generator draws one. Answers teach nothing."""

    def __init__(self, seed: int, episode: int) -> None:
        self._random = random.Random(f"refused/{seed}/{episode}")
        self.start = Start(self._random.randbytes(table.ENTROPY_SIZE), default_keys().build())
        draws = (self._wrong_header, self._unknown_type, self._too_long)
        self._stock = [Exchange(self._random.choice(draws)()) for _ in range(_STOCK)]

    def actions(self) -> Iterator[Action]:
        """Actions without end: a step of the clock, then a request."""
        chance, now = self._random.random, 0
        while True:
            if chance() >= _HASTY:
                now += table.RATE_INTERVAL_US
            yield SetClock(now)
            yield self._stock[int(chance() * _STOCK)]

    def learn(self, response: Response) -> None:
        """Nothing can be built upon a refusal."""

    def _payload(self) -> bytes:
        return self._random.randbytes(self._random.randrange(_PAYLOAD_MAX))

    def _wrong_header(self) -> bytes:
        """Magic, version or flags differ in one bit; the type's byte is another check's matter."""
        request = bytearray(RawRequest(self._random.choice(_KNOWN_TYPES), self._payload()).encode())
        request[self._random.choice((0, 1, 3))] ^= 1 << self._random.randrange(8)
        return bytes(request)

    def _unknown_type(self) -> bytes:
        return RawRequest(self._random.choice(_UNKNOWN_TYPES), self._payload()).encode()

    def _too_long(self) -> bytes:
        claimed = self._random.randrange(table.MAX_PAYLOAD + 1, 1 << 32)
        return RawRequest(self._random.choice(_KNOWN_TYPES), self._payload(), payload_length=claimed).encode()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The messages of AT_BOUNDS come to the bounds that they are named for: the signing loop replayed, round by round. And
the seeds of HALF_WAY make the keys that they should.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import add, sub

import pytest

from harness.conformance.support_pq import MLDSA_SETS, draws
from harness.conformance.test_mldsa_sign import AT_BOUNDS, HALF_WAY
from harness.default_keys import MLDSA_SEEDS
from harness.model import mldsa_signer as signer
from harness.model.mldsa_signer import Parameters, SigningKey


@dataclass(frozen=True)
class Round:
    """The largest coefficients of z and of the low bits of w - c s2, and how many hints there are; of the coefficients
    whose low part c t0 has moved to +-gamma2 or next to it: that low part, whether the high part is 0, whether there is
    a hint."""

    z: int
    low: int
    hints: int
    edges: frozenset[tuple[int, bool, bool]]

    def within(self, p: Parameters) -> tuple[bool, bool, bool]:
        """Which of the three FIPS 204, algorithm 7, takes."""
        return self.z < p.gamma1 - p.beta, self.low < p.gamma2 - p.beta, self.hints <= p.omega


def _rounds(key: SigningKey, message: bytes, rnd: bytes) -> Iterator[Round]:
    """Algorithm 7 from line 6 on, with its three tests left to the caller; ends with the round that passes them."""
    p = key.parameters
    mu = signer._hash(key.public_hash + bytes(2) + message, 64)
    seed = signer._hash(key.seed + rnd + mu, 64)
    kappa, passed = 0, False
    while not passed:
        y = [signer._sample_mask(seed, kappa + row, p.gamma1_bits + 1) for row in range(p.l)]
        found = _round(key, mu, y)
        passed = all(found.within(p))
        kappa += p.l
        yield found


def _round(key: SigningKey, mu: bytes, y: signer.Vector) -> Round:
    p = key.parameters
    w = signer._multiply(key.matrix, y)
    bits = (p.high_values - 1).bit_length()
    w1 = b"".join(signer._pack_bits(signer._high_bits(row, p), bits) for row in w)
    c = signer._sample_in_ball(signer._hash(mu + w1, p.challenge_size), p.tau)
    narrow, wide = signer._NARROW.pack(c), signer._WIDE.pack(c)
    z = [list(map(add, row, signer._NARROW.product(narrow, secret))) for row, secret in zip(y, key.s1, strict=True)]
    low, hints = 0, 0
    edges = set()
    for row, secret, t0 in zip(w, key.s2, key.t0, strict=True):
        rest = list(map(sub, row, signer._NARROW.product(narrow, secret)))
        highs = signer._high_bits(rest, p)
        lows, product = signer._low_bits(rest, highs, p), signer._WIDE.product(wide, t0)
        low = max(low, _largest(lows))
        moved = signer._high_bits(map(add, rest, product), p)
        hints += sum(a != b for a, b in zip(highs, moved, strict=True))
        for high, after, part in zip(highs, moved, map(add, lows, product), strict=True):
            if part in (p.gamma2, p.gamma2 + 1, -p.gamma2):
                edges.add((part, high == 0, high != after))
    return Round(max(map(_largest, z)), low, hints, frozenset(edges))


def _largest(polynomial: list[int]) -> int:
    return max(map(abs, polynomial))


@pytest.mark.parametrize(
    ("number", "name"), [(number, name) for number, messages in AT_BOUNDS.items() for name in messages]
)
def test_a_message_comes_to_its_bound(number: int, name: str) -> None:
    """A rejected round in which that test alone fails, and by no more than one; or the round that is taken."""
    key = signer.expand_key(number, MLDSA_SEEDS[number])
    message = AT_BOUNDS[number][name].to_bytes(4, "little")
    rnd = draws().draw(32)
    rounds = list(_rounds(key, message, rnd))
    p = key.parameters
    *rejected, taken = rounds
    alone = {
        "z on its bound": ((False, True, True), lambda r: r.z == p.gamma1 - p.beta),
        "low bits on their bound": ((True, False, True), lambda r: r.low == p.gamma2 - p.beta),
        "omega + 1 hints": ((True, True, False), lambda r: r.hints == p.omega + 1),
    }
    within = {
        "z just within": taken.z == p.gamma1 - p.beta - 1,
        "low bits just within": taken.low == p.gamma2 - p.beta - 1,
        "omega hints": taken.hints == p.omega,
        "low part gamma2": any(part == p.gamma2 and not hint for part, _, hint in taken.edges),
        "low part gamma2 + 1": any(part == p.gamma2 + 1 and hint for part, _, hint in taken.edges),
        "low part -gamma2": (-p.gamma2, False, True) in taken.edges,
        "low part -gamma2, high part 0": (-p.gamma2, True, False) in taken.edges,
    }
    if name in alone:
        passes, exactly = alone[name]
        assert any(found.within(p) == passes and exactly(found) for found in rejected)
    else:
        assert within.get(name, f"{len(rounds)} rounds" == name)


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_a_key_has_a_coefficient_half_way(number: int) -> None:
    """t0 is 2^12 where t lies half way, and goes no further."""
    one = signer._WIDE.pack([1, *[0] * 255])
    t0 = [signer._WIDE.product(one, packed) for packed in signer.expand_key(number, HALF_WAY[number]).t0]
    assert max(map(max, t0)) == 1 << 12

# SPDX-License-Identifier: GPL-2.0-or-later
"""Valid ML-DSA signatures without a secret, to reach what no honest signature reaches.

Under a public key whose t1 is zero the challenge cancels out of what a verifier computes (FIPS 204, algorithm 8, line
9): any z and any hints make a valid signature, once c~ is computed to match. So z can be put exactly on its bound,
hints can be as many as there may be, and a decoder that accepts a wrong encoding finds a signature that is sound
otherwise.

Written from FIPS 204; algorithm numbers are of that standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import shake_128, shake_256
from itertools import chain, islice
from operator import mul

from harness.conformance.support_pq import MLDSA_SHAPES, PUBLIC_KEY_BYTES, MldsaShape

N = 256
Q = 8380417
_ZETAS = [pow(1753, int(f"{m:08b}"[::-1], 2), Q) for m in range(N)]

Polynomial = list[int]
Hints = Sequence[Sequence[int]]  # for each polynomial, where its ones are


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in parts: `z` may leave its bound, within what its encoding carries; `hints` as they are encoded."""

    challenge: bytes
    z: Sequence[Polynomial] = field(repr=False)
    hints: bytes

    def encode(self, number: int) -> bytes:
        """The bytes, as long as parameter set `number` has them (algorithm 26)."""
        shape = MLDSA_SHAPES[number]
        rows = (_pack([shape.gamma1 - c for c in row], shape.z_bits) for row in self.z)
        return self.challenge + b"".join(rows) + self.hints


def public_key(number: int, rho: bytes) -> bytes:
    """The public key of parameter set `number` with this seed of the matrix, of 32 bytes, and a t1 of zeros."""
    return rho.ljust(PUBLIC_KEY_BYTES[number], b"\0")


def zeros(number: int) -> list[Polynomial]:
    """A z of zeros."""
    return [[0] * N for _ in range(MLDSA_SHAPES[number].l)]


def sign(
    number: int, rho: bytes, z: Sequence[Polynomial], hints: Hints, message: bytes = b"", context: bytes = b""
) -> Signature:
    """The signature with this z and these hints that is valid under `public_key(number, rho)`, bounds apart.

    A position that is given twice counts twice: so would a decoder take it that does not refuse it.
    """
    shape = MLDSA_SHAPES[number]
    mu = _message_hash(public_key(number, rho), message, context)
    rows = _matrix_times(number, rho, z)
    high = [_use_hint(shape, row, ones) for row, ones in zip(rows, hints, strict=True)]
    bits = ((Q - 1) // (2 * shape.gamma2) - 1).bit_length()
    challenge = shake_256(mu + b"".join(_pack(row, bits) for row in high)).digest(shape.challenge)
    return Signature(challenge, z, encode_hints(shape, hints))


def encode_hints(shape: MldsaShape, hints: Hints) -> bytes:
    """HintBitPack (algorithm 20), of positions in the order in which they are given."""
    positions = bytes(chain.from_iterable(hints))
    ends = bytes(sum(map(len, hints[: row + 1])) for row in range(len(hints)))
    return positions.ljust(shape.omega, b"\0") + ends


def _message_hash(key: bytes, message: bytes, context: bytes) -> bytes:
    """Mu: algorithm 8, lines 6 and 7, of the message as algorithm 3 has it."""
    return shake_256(shake_256(key).digest(64) + bytes([0, len(context)]) + context + message).digest(64)


@cache
def _matrix(number: int, rho: bytes) -> tuple[tuple[Polynomial, ...], ...]:
    """ExpandA (algorithm 32), in the transform's domain."""
    shape = MLDSA_SHAPES[number]
    return tuple(tuple(_uniform(rho + bytes([s, r])) for s in range(shape.l)) for r in range(shape.k))


def _uniform(seed: bytes) -> Polynomial:
    """RejNTTPoly (algorithm 30); 1200 bytes fall short about never."""
    data = shake_128(seed).digest(1200)
    numbers = (int.from_bytes(data[i : i + 3], "little") & 0x7FFFFF for i in range(0, len(data), 3))
    found = list(islice((number for number in numbers if number < Q), N))
    assert len(found) == N
    return found


def _matrix_times(number: int, rho: bytes, z: Sequence[Polynomial]) -> list[Polynomial]:
    transformed = [_transform(row) for row in z]
    return [_transform_back(_dot(row, transformed)) for row in _matrix(number, rho)]


def _dot(row: Sequence[Polynomial], column: Sequence[Polynomial]) -> Polynomial:
    products = (map(mul, left, right) for left, right in zip(row, column, strict=True))
    return [sum(terms) % Q for terms in zip(*products, strict=True)]


def _transform(polynomial: Polynomial) -> Polynomial:
    """NTT (algorithm 41)."""
    w, m, half = list(polynomial), 0, N // 2
    while half:
        for start in range(0, N, 2 * half):
            m += 1
            for j in range(start, start + half):
                product = _ZETAS[m] * w[j + half] % Q
                w[j], w[j + half] = w[j] + product, w[j] - product
        half //= 2
    return w


def _transform_back(polynomial: Polynomial) -> Polynomial:
    """NTT^-1 (algorithm 42)."""
    w, m, half = list(polynomial), N, 1
    while half < N:
        for start in range(0, N, 2 * half):
            m -= 1
            for j in range(start, start + half):
                w[j], w[j + half] = w[j] + w[j + half], _ZETAS[m] * (w[j + half] - w[j]) % Q
        half *= 2
    scale = pow(N, -1, Q)
    return [c * scale % Q for c in w]


def _use_hint(shape: MldsaShape, row: Polynomial, ones: Sequence[int]) -> Polynomial:
    """UseHint (algorithm 40) of each coefficient, from 0 to q - 1."""
    values = (Q - 1) // (2 * shape.gamma2)
    result = []
    for index, coefficient in enumerate(row):
        high, low = _decompose(shape, coefficient)
        high = (high + ones.count(index) * (1 if low > 0 else -1)) % values
        result.append(high)
    return result


def _decompose(shape: MldsaShape, coefficient: int) -> tuple[int, int]:
    """Decompose (algorithm 36)."""
    step = 2 * shape.gamma2
    low = coefficient % step
    if low > shape.gamma2:
        low -= step
    if coefficient - low == Q - 1:
        return 0, low - 1
    return (coefficient - low) // step, low


def _pack(numbers: Sequence[int], bits: int) -> bytes:
    """SimpleBitPack (algorithm 16)."""
    packed = sum(number << bits * index for index, number in enumerate(numbers))
    return packed.to_bytes(len(numbers) * bits // 8, "little")

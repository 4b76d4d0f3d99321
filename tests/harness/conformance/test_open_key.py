# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures under keys without a secret are valid where they say so, and their arithmetic is the standard's."""

from __future__ import annotations

from hashlib import shake_128
from random import Random

import pytest

from harness.conformance import open_key
from harness.conformance.open_key import N, Q
from harness.conformance.support_pq import MLDSA_SETS, MLDSA_SHAPES, SIGNATURE_BYTES
from harness.conformance.test_mldsa_encoding import Q_AMONG_CANDIDATES
from harness.model import mldsa

RHO = bytes(range(32))


def test_the_transform_multiplies() -> None:
    """Modulo X^256 + 1, as schoolbook multiplication does."""
    random = Random(1)
    left, right = ([random.randrange(Q) for _ in range(N)] for _ in range(2))
    product = [0] * N
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            sign = 1 if i + j < N else -1
            product[(i + j) % N] = (product[(i + j) % N] + sign * a * b) % Q
    pairs = zip(open_key._transform(left), open_key._transform(right), strict=True)
    assert open_key._transform_back([a * b % Q for a, b in pairs]) == product


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_a_signature_is_valid_under_its_key_with_its_message_and_context(number: int) -> None:
    shape = MLDSA_SHAPES[number]
    z = open_key.zeros(number)
    z[0][5], z[-1][255] = 1, -1
    hints = [[0, 255] for _ in range(shape.k)]
    signature = open_key.sign(number, RHO, z, hints, b"message", b"context").encode(number)
    key = open_key.public_key(number, RHO)
    assert len(signature) == SIGNATURE_BYTES[number]
    assert mldsa.verify(number, key, b"context", b"message", signature)
    assert not mldsa.verify(number, key, b"context", b"another", signature)
    assert not mldsa.verify(number, key, b"", b"message", signature)


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_a_coefficient_on_its_bound_makes_it_invalid(number: int) -> None:
    shape = MLDSA_SHAPES[number]
    for value, valid in ((shape.gamma1 - shape.beta - 1, True), (shape.gamma1 - shape.beta, False)):
        z = open_key.zeros(number)
        z[1][1] = value
        signature = open_key.sign(number, RHO, z, [[]] * shape.k).encode(number)
        assert mldsa.verify(number, open_key.public_key(number, RHO), b"", b"", signature) is valid


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_parts_split_as_they_are_encoded(number: int) -> None:
    """Hints: positions, padding, ends."""
    shape = MLDSA_SHAPES[number]
    hints = [[1, 2], *([[]] * (shape.k - 2)), [9]]
    encoded = open_key.encode_hints(shape, hints)
    assert encoded == bytes([1, 2, 9]).ljust(shape.omega, b"\0") + bytes([2] * (shape.k - 1) + [3])
    signature = open_key.sign(number, RHO, open_key.zeros(number), hints)
    assert signature.encode(number)[shape.hints_at :] == signature.hints == encoded


def test_decompose_has_its_special_case() -> None:
    """What rounds up to q - 1 has a high part of 0 and a low part that is one less."""
    for shape in MLDSA_SHAPES.values():
        assert open_key._decompose(shape, Q - 1) == (0, -1)
        assert open_key._decompose(shape, Q - shape.gamma2) == (0, -shape.gamma2)
        assert open_key._decompose(shape, shape.gamma2) == (0, shape.gamma2)
        assert open_key._decompose(shape, shape.gamma2 + 1) == (1, 1 - shape.gamma2)


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_some_seeds_have_q_among_the_candidates_that_are_looked_at(number: int) -> None:
    """Its top bit is nobody's business (FIPS 204, algorithm 14)."""
    rho, shape = Q_AMONG_CANDIDATES[number].to_bytes(32, "little"), MLDSA_SHAPES[number]
    streams = [shake_128(rho + bytes([s, r])).digest(3 * N) for r in range(shape.k) for s in range(shape.l)]
    candidates = {
        int.from_bytes(data[at : at + 3], "little") & 0x7F_FFFF for data in streams for at in range(0, 3 * N, 3)
    }
    assert Q in candidates

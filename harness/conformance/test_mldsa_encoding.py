# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA signatures at the bounds of FIPS 204 (DSA-1): z, the hints and their one encoding, every byte of c~.

The signatures are valid but for what each case says: see `open_key`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from harness.conformance import open_key
from harness.conformance.dut import Dut
from harness.conformance.open_key import N, Polynomial, Signature
from harness.conformance.support import noise
from harness.conformance.support_pq import MLDSA_SETS, MLDSA_SHAPES, flipped, verifies_outside
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, mldsa_slot

_KEY_ID = 3
_RHO = noise(32, seed=50)
_MESSAGE = b"anybody can sign this"

_SETS = pytest.mark.parametrize("number", MLDSA_SETS)

# Seeds of the matrix, as 32 bytes, little-endian, among whose candidates is q itself, one in 2^23 being that.
# tests/harness/conformance/test_open_key.py shows that it is.
Q_AMONG_CANDIDATES = {44: 4800, 65: 1712, 87: 1524}


@pytest.fixture
def open_dut(dut: Dut, number: int) -> Dut:
    """A service whose key 3 is a public key with a t1 of zeros."""
    dut.keys.replace(KeyImage((mldsa_slot(_KEY_ID, number, open_key.public_key(number, _RHO)),)))
    return dut


def _judge(dut: Dut, number: int, signature: bytes, valid: bool, what: str) -> None:
    """The service says whether the signature is valid, as pyca/cryptography does."""
    assert verifies_outside(number, open_key.public_key(number, _RHO), signature, _MESSAGE) is valid, what
    response = dut.mldsa_verify(_KEY_ID, signature, _MESSAGE)
    assert response.status is (Status.SUCCESS if valid else Status.CRYPTO_ERROR), f"{what}: {response.status.name}"


def _signed(number: int, z: Sequence[Polynomial], hints: Sequence[Sequence[int]]) -> Signature:
    return open_key.sign(number, _RHO, z, hints, _MESSAGE)


def _random_z(number: int, seed: int = 1) -> list[Polynomial]:
    """A z within its bound."""
    random, shape = Random(seed), MLDSA_SHAPES[number]
    largest = shape.gamma1 - shape.beta - 1
    return [[random.randint(-largest, largest) for _ in range(N)] for _ in range(shape.l)]


def _hints(number: int, count: int, seed: int = 1) -> list[list[int]]:
    """So many hints anywhere."""
    k = MLDSA_SHAPES[number].k
    places = Random(seed).sample(range(k * N), count)
    return [sorted(place % N for place in places if place // N == row) for row in range(k)]


def _none(number: int) -> list[list[int]]:
    return [[] for _ in range(MLDSA_SHAPES[number].k)]


def _rows(number: int, **rows: Sequence[int]) -> list[list[int]]:
    """Hints in the first, the second and the last polynomial, by these names."""
    places = {"first": 0, "second": 1, "last": -1}
    hints = _none(number)
    for name, positions in rows.items():
        hints[places[name]] = list(positions)
    return hints


# ---- z ----


@pytest.mark.clause("DSA-1")
@_SETS
def test_z_just_within_its_bound(open_dut: Dut, number: int) -> None:
    """Every coefficient of it, with either sign; and a z of zeros."""
    shape = MLDSA_SHAPES[number]
    largest = shape.gamma1 - shape.beta - 1
    for signs in ((1, 1), (-1, -1), (1, -1)):
        z = [[largest * signs[i % 2] for i in range(N)] for _ in range(shape.l)]
        _judge(open_dut, number, _signed(number, z, _none(number)).encode(number), True, f"signs {signs}")
    _judge(open_dut, number, _signed(number, open_key.zeros(number), _none(number)).encode(number), True, "zeros")


@pytest.mark.clause("DSA-1")
@_SETS
def test_one_coefficient_of_z_on_its_bound(open_dut: Dut, number: int) -> None:
    """In each polynomial, first and last coefficients and some between: gamma1 - beta with either sign."""
    shape = MLDSA_SHAPES[number]
    bound = shape.gamma1 - shape.beta
    for row in range(shape.l):
        for value, index in ((bound, (0, 127, 255)[row % 3]), (-bound, (255, 0, 128)[row % 3])):
            z = _random_z(number)
            z[row][index] = value
            what = f"polynomial {row}, coefficient {index} is {value}"
            _judge(open_dut, number, _signed(number, z, _none(number)).encode(number), False, what)


@pytest.mark.clause("DSA-1")
@_SETS
def test_the_largest_coefficients_that_the_encoding_carries(open_dut: Dut, number: int) -> None:
    """Far behind the bound: gamma1 and 1 - gamma1, and the bound by one more."""
    shape = MLDSA_SHAPES[number]
    for value in (shape.gamma1, 1 - shape.gamma1, shape.gamma1 - 1, shape.gamma1 - shape.beta + 1):
        z = _random_z(number)
        z[-1][-1] = value
        _judge(open_dut, number, _signed(number, z, _none(number)).encode(number), False, f"a coefficient of {value}")


@pytest.mark.clause("DSA-1")
@_SETS
def test_q_is_no_coefficient_of_the_matrix(dut: Dut, number: int) -> None:
    """The candidate is passed over (algorithm 14): taken as 0 it would push all that follow from their places."""
    rho = Q_AMONG_CANDIDATES[number].to_bytes(32, "little")
    key = open_key.public_key(number, rho)
    dut.keys.replace(KeyImage((mldsa_slot(_KEY_ID, number, key),)))
    signature = open_key.sign(number, rho, _random_z(number), _none(number), _MESSAGE).encode(number)
    assert verifies_outside(number, key, signature, _MESSAGE)
    assert dut.mldsa_verify(_KEY_ID, signature, _MESSAGE).status is Status.SUCCESS


# ---- c~ ----


def _challenge_bytes(dut: Dut, number: int, places: Sequence[int]) -> None:
    """Under this key the challenge decides nothing else: a bit of c~ shows only where c~ is compared."""
    signature = _signed(number, _random_z(number), _hints(number, 10)).encode(number)
    _judge(dut, number, signature, True, "genuine")
    for place in places:
        forged = flipped(signature, 8 * place + place % 8)
        _judge(dut, number, forged, False, f"byte {place} of c~")


@pytest.mark.clause("DSA-1")
@_SETS
def test_c_is_compared_to_its_end(open_dut: Dut, number: int) -> None:
    size = MLDSA_SHAPES[number].challenge
    _challenge_bytes(open_dut, number, (0, 1, 15, 16, 31, size // 2, size - 4, size - 2, size - 1))


@pytest.mark.slow
@pytest.mark.clause("DSA-1")
@_SETS
def test_every_byte_of_c_is_compared(open_dut: Dut, number: int) -> None:
    _challenge_bytes(open_dut, number, range(MLDSA_SHAPES[number].challenge))


# ---- hints ----


@pytest.mark.clause("DSA-1")
@_SETS
def test_any_number_of_hints_up_to_omega(open_dut: Dut, number: int) -> None:
    """Spread at random: UseHint goes up and down, round the end of its range as well."""
    omega = MLDSA_SHAPES[number].omega
    for seed, count in enumerate((0, 1, omega - 1, omega, omega, omega)):
        signature = _signed(number, _random_z(number, seed), _hints(number, count, seed))
        _judge(open_dut, number, signature.encode(number), True, f"{count} hints")


@pytest.mark.clause("DSA-1")
@_SETS
def test_hints_where_the_low_part_is_zero(open_dut: Dut, number: int) -> None:
    """A z of zeros makes zeros of w: a hint there goes down from 0, round to the last high part (algorithm 40)."""
    for hints in (_hints(number, MLDSA_SHAPES[number].omega), _rows(number, first=[0], last=[255])):
        _judge(open_dut, number, _signed(number, open_key.zeros(number), hints).encode(number), True, "hints on zeros")


@pytest.mark.clause("DSA-1")
@_SETS
def test_hints_crowded_into_one_polynomial(open_dut: Dut, number: int) -> None:
    """As many as there may be in the first or the last, at either end of it; the others have none."""
    omega = MLDSA_SHAPES[number].omega
    for name in ("first", "last"):
        for positions in (range(omega), range(N - omega, N)):
            signature = _signed(number, _random_z(number), _rows(number, **{name: positions}))
            _judge(open_dut, number, signature.encode(number), True, f"{omega} hints in the {name} polynomial")


@pytest.mark.clause("DSA-1")
@_SETS
def test_positions_start_afresh_in_each_polynomial(open_dut: Dut, number: int) -> None:
    """They grow within a polynomial; from one to the next they may fall or repeat."""
    for first, second in (([200], [3]), ([0], [0]), ([255], [0]), ([7, 9], [9, 11])):
        signature = _signed(number, _random_z(number), _rows(number, first=first, second=second))
        _judge(open_dut, number, signature.encode(number), True, f"{first}, then {second}")


def _wrong_encodings(number: int) -> Iterator[tuple[str, list[list[int]], list[int], list[int]]]:
    """What is wrong; the hints that a careless decoder would read; positions and ends as they are encoded."""
    k, omega = MLDSA_SHAPES[number].k, MLDSA_SHAPES[number].omega
    yield "positions out of order", _rows(number, first=[5, 9]), [9, 5], [2] * k
    yield "the last two out of order", _rows(number, last=[1, 2, 255]), [1, 255, 2], [0] * (k - 1) + [3]
    yield "out of order in the second", _rows(number, first=[4], second=[0, 1]), [4, 1, 0], [1] + [3] * (k - 1)
    yield "a position twice", _rows(number, first=[5]), [5, 5], [2] * k
    yield "a position twice, which cancels out", _none(number), [5, 5], [2] * k
    yield "position 0 twice", _rows(number, last=[0]), [0, 0], [0] * (k - 1) + [2]
    yield "position 255 twice", _rows(number, second=[255]), [255, 255], [0] + [2] * (k - 1)
    yield "ends that fall", _rows(number, first=[1, 2, 3, 4]), [1, 2, 3, 4], [4, 2] + [4] * (k - 2)
    yield "ends that fall to 0", _rows(number, first=[1, 2]), [1, 2], [2] + [0] * (k - 1)
    yield "the last end falls", _rows(number, first=[1, 2]), [1, 2], [2] * (k - 1) + [1]
    yield "padding, first byte", _rows(number, first=[5]), [5, 6], [1] * k
    yield "padding, last byte", _rows(number, first=[5]), [5] + [0] * (omega - 2) + [1], [1] * k
    yield "padding of no hints", _none(number), [1], [0] * k
    yield "padding of no hints, last byte", _none(number), [0] * (omega - 1) + [0x80], [0] * k
    nearly = list(range(omega - 1))
    yield "padding of one byte", _rows(number, second=nearly), [*nearly, 0xFF], [0] + [omega - 1] * (k - 1)


@pytest.mark.clause("DSA-1")
@_SETS
def test_hints_have_one_encoding(open_dut: Dut, number: int) -> None:
    """A decoder that reads on past what algorithm 21 refuses would find each of these valid."""
    omega = MLDSA_SHAPES[number].omega
    for what, hints, positions, ends in _wrong_encodings(number):
        sound = _signed(number, _random_z(number), hints)
        _judge(open_dut, number, sound.encode(number), True, f"{what}, put right")
        encoded = bytes(positions).ljust(omega, b"\0") + bytes(ends)
        _judge(open_dut, number, replace(sound, hints=encoded).encode(number), False, what)


@pytest.mark.clause("DSA-1")
@_SETS
def test_a_position_that_counts_twice(open_dut: Dut, number: int) -> None:
    """Up or down by two: no signature can say that, a decoder that takes every position as it comes would."""
    for positions in ([5, 5], [0, 0, 255, 255]):
        forged = _signed(number, _random_z(number), _rows(number, first=positions))
        _judge(open_dut, number, forged.encode(number), False, f"positions {positions}")


@pytest.mark.clause("DSA-1")
@_SETS
def test_one_hint_more_than_omega(open_dut: Dut, number: int) -> None:
    """The first end, which follows the last position, would be read as one more: omega + 1 hints, all consistent."""
    k, omega = MLDSA_SHAPES[number].k, MLDSA_SHAPES[number].omega
    many = omega - 10
    hints = _rows(number, first=range(many), last=[*range(10), many])
    sound = _signed(number, _random_z(number), hints)
    encoded = bytes([*range(many), *range(10)]) + bytes([many] * (k - 1) + [omega + 1])
    _judge(open_dut, number, replace(sound, hints=encoded).encode(number), False, "omega + 1 hints")


@pytest.mark.clause("DSA-1", "IPC-6")
@_SETS
def test_ends_far_behind_the_hints(open_dut: Dut, number: int) -> None:
    """What an end counts beyond omega lies behind the signature: it is not read."""
    k, omega = MLDSA_SHAPES[number].k, MLDSA_SHAPES[number].omega
    sound = _signed(number, _random_z(number), _hints(number, omega))
    for value in (omega + 1, omega + k, omega + k + 1, 0x80, 0xFF):
        for row in (0, 1, k - 1):
            ends = bytearray(sound.hints[omega:])
            ends[row] = value
            forged = replace(sound, hints=sound.hints[:omega] + bytes(ends))
            _judge(open_dut, number, forged.encode(number), False, f"end {row} is {value}")
        forged = replace(sound, hints=sound.hints[:omega] + bytes([value]) * k)
        _judge(open_dut, number, forged.encode(number), False, f"every end is {value}")


@pytest.mark.slow
@pytest.mark.clause("DSA-1")
@_SETS
def test_random_z_and_hints(open_dut: Dut, number: int) -> None:
    """Some thousands of UseHint at random, round the edges of its ranges among them."""
    for seed in range(60):
        signature = _signed(number, _random_z(number, 1000 + seed), _hints(number, MLDSA_SHAPES[number].omega, seed))
        _judge(open_dut, number, signature.encode(number), True, f"seed {seed}")

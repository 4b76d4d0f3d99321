# SPDX-License-Identifier: GPL-2.0-or-later
"""The helpers for ML-DSA and ML-KEM do what they say; their numbers agree with the table that the model uses."""

from __future__ import annotations

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import ContractViolation
from harness.conformance.support_pq import (
    CIPHERTEXT_BYTES,
    ENCAPSULATION_KEY_BYTES,
    MLDSA_SETS,
    MLDSA_SHAPES,
    MLKEM_SETS,
    MLKEM_SETS_OUTSIDE,
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    decapsulate,
    encapsulate,
    encapsulate_outside,
    flipped,
    keygen,
    sign_outside,
    signature_parts,
    signed,
    signs,
    verifies_outside,
    with_coefficient,
)
from harness.default_keys import (
    MLDSA_KEY_IDS,
    MLDSA_PUBLIC_KEY_IDS,
    MLDSA_SEEDS,
    MLKEM_KEY_IDS,
    PEER_MLDSA_SEEDS,
    default_keys,
)
from harness.model import mldsa, mldsa_signer, mlkem
from harness.protocol.commands import Algorithm, Status
from harness.targets.model import ModelTarget


def test_sizes_are_those_of_the_model() -> None:
    assert PUBLIC_KEY_BYTES == mldsa.PUBLIC_KEY_SIZES
    assert SIGNATURE_BYTES == mldsa.SIGNATURE_SIZES
    assert ENCAPSULATION_KEY_BYTES == mlkem.ENCAPSULATION_KEY_SIZES
    assert CIPHERTEXT_BYTES == mlkem.CIPHERTEXT_SIZES


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_shapes_add_up_to_the_sizes(number: int) -> None:
    shape, other = MLDSA_SHAPES[number], mldsa_signer.PARAMETERS[number]
    assert shape.hints_at + shape.omega + shape.k == SIGNATURE_BYTES[number]
    assert (shape.k, shape.l, shape.gamma1, shape.gamma2) == (other.k, other.l, other.gamma1, other.gamma2)
    assert (shape.beta, shape.omega, shape.challenge) == (other.beta, other.omega, other.challenge_size)


def test_the_default_image_has_a_key_of_each_kind() -> None:
    slots = {slot.key_id: slot for slot in default_keys().slots if slot is not None}
    for number in MLDSA_SETS:
        assert slots[MLDSA_KEY_IDS[number]].material == MLDSA_SEEDS[number]
        assert len(slots[MLDSA_PUBLIC_KEY_IDS[number]].material) == PUBLIC_KEY_BYTES[number]
    for number in MLKEM_SETS:
        slot = slots[MLKEM_KEY_IDS[number]]
        assert (slot.algorithm, slot.parameter_set, slot.material) == (Algorithm.MLKEM, number, b"")
    assert len(default_keys().slots) <= 16


@pytest.mark.parametrize("number", MLDSA_SETS)
def test_signatures_of_all_makers_verify_everywhere(number: int) -> None:
    dut = Dut(ModelTarget())
    seed, key_id = PEER_MLDSA_SEEDS[number], MLDSA_PUBLIC_KEY_IDS[number]
    public = dut.keys.image.slot(key_id).material
    for signature in (signed(number, seed, b"text", b"for"), sign_outside(number, seed, b"text", b"for")):
        assert verifies_outside(number, public, signature, b"text", b"for")
        assert not verifies_outside(number, public, signature, b"text")
        assert dut.mldsa_verify(key_id, signature, b"text", b"for").status is Status.SUCCESS
        assert b"".join(signature_parts(number, signature)) == signature
    signs(dut, MLDSA_KEY_IDS[number], number, MLDSA_SEEDS[number])
    with pytest.raises(AssertionError):
        signs(dut, MLDSA_KEY_IDS[number], number, seed)


@pytest.mark.parametrize("number", MLKEM_SETS)
def test_keys_ciphertexts_and_secrets(number: int) -> None:
    dut = Dut(ModelTarget())
    key = keygen(dut, number)
    ciphertext, secret = encapsulate(dut, number, key)
    assert decapsulate(dut, number, ciphertext) == secret
    if number in MLKEM_SETS_OUTSIDE:
        ciphertext, secret = encapsulate_outside(number, key)
        assert decapsulate(dut, number, ciphertext) == secret
    with pytest.raises(ContractViolation):
        keygen(dut, number, 0x999)


def test_a_coefficient_is_twelve_bits_of_a_key() -> None:
    assert with_coefficient(bytes(6), 1, 0xFFF).hex() == "00f0ff000000"
    assert with_coefficient(b"\xff" * 6, 2, 0x123).hex() == "ffffff23f1ff"


def test_bits_count_from_either_end() -> None:
    assert flipped(bytes(2), 0) == b"\x01\x00"
    assert flipped(bytes(2), 15) == flipped(bytes(2), -1) == b"\x00\x80"

# SPDX-License-Identifier: GPL-2.0-or-later
"""MLKEM_ENCAPS (KEM-2): encapsulation to any canonical key, and to no other."""

from __future__ import annotations

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    RawClient,
    exhaust,
    granted,
    next_nonce,
    noise,
    nonce_number,
    pieces,
    refused,
    residue,
    seal_outside,
)
from harness.conformance.support_pq import (
    CIPHERTEXT_BYTES,
    ENCAPS,
    ENCAPSULATION_KEY_BYTES,
    MLKEM_Q,
    MLKEM_SETS,
    MLKEM_SETS_OUTSIDE,
    MLKEM_SHAPES,
    decapsulate,
    draws,
    encapsulate,
    encapsulation_secrets,
    key_outside,
    keygen,
    with_coefficient,
)
from harness.default_keys import AES_KEY_ID, ENTROPY, MLKEM_KEY_IDS, SECOND_AES_KEY_ID
from harness.model import mlkem as model_mlkem
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage

_SETS = pytest.mark.parametrize("number", MLKEM_SETS)


def _foreign_key(number: int, seed: int = 1) -> bytes:
    """The encapsulation key of somebody else: no slot has anything to do with it."""
    return model_mlkem.keygen(number, noise(32, seed=seed), noise(32, seed=seed + 1000))[0]


# ---- what comes out ----


@pytest.mark.clause("KEM-2")
@pytest.mark.parametrize("number", MLKEM_SETS_OUTSIDE)
def test_what_is_encapsulated_here_opens_elsewhere(dut: Dut, number: int) -> None:
    for seed in range(6):
        outside = key_outside(number, noise(64, seed=seed))
        ciphertext, secret = encapsulate(dut, number, outside.public_key().public_bytes_raw())
        assert outside.decapsulate(ciphertext) == secret


@pytest.mark.clause("KEM-2")
@_SETS
def test_what_is_encapsulated_here_opens_here(dut: Dut, number: int) -> None:
    key = keygen(dut, number)
    seen = set()
    for _ in range(6):
        ciphertext, secret = encapsulate(dut, number, key)
        assert decapsulate(dut, number, ciphertext) == secret
        seen |= {ciphertext, secret}
    assert len(seen) == 12, "equal requests have to get different answers"


@pytest.mark.clause("KEM-2", "RNG-2")
@_SETS
def test_m_is_one_draw_of_32_bytes(dut: Dut, number: int) -> None:
    """The secret is G(m || H(ek)), first half; between nonces that take their own draws."""
    generator = draws()
    for seed in range(4):
        key = _foreign_key(number, seed)
        ciphertext, secret = encapsulate(dut, number, key)
        m = generator.draw(32)
        assert secret == encapsulation_secrets(key, m)[0]
        assert (ciphertext, secret) == model_mlkem.encapsulate(key, m)
        assert next_nonce(dut) == generator.draw(12)


@pytest.mark.clause("KEM-2")
@_SETS
def test_keys_with_the_largest_coefficients(dut: Dut, number: int) -> None:
    """q - 1 is canonical: in one place of each polynomial, in all of them; zeros throughout; any rho."""
    key, count = _foreign_key(number), 256 * MLKEM_SHAPES[number].k
    keys = [with_coefficient(key, index, MLKEM_Q - 1) for index in range(0, count, 255)]
    keys += [with_coefficient(key, count - 1, MLKEM_Q - 1), bytes(len(key)), bytes(len(key) - 32) + b"\xff" * 32]
    full = bytes(len(key))
    for index in range(count):
        full = with_coefficient(full, index, MLKEM_Q - 1)
    for sound in (*keys, full):
        encapsulate(dut, number, sound)


# ---- the check of the key ----


@pytest.mark.clause("KEM-2")
@_SETS
@pytest.mark.parametrize("value", [MLKEM_Q, MLKEM_Q + 1, 0xFFF])
def test_a_coefficient_that_is_not_reduced(dut: Dut, number: int, value: int) -> None:
    """In each polynomial, at its ends, in its middle, in either half of three bytes: CRYPTO_ERROR, and no draw."""
    generator = draws()
    key = _foreign_key(number)
    for polynomial in range(MLKEM_SHAPES[number].k):
        for index in (0, 1, 2, 127, 128, 253, 254, 255):
            response = dut.mlkem_encaps(with_coefficient(key, 256 * polynomial + index, value))
            assert response.status is Status.CRYPTO_ERROR, f"polynomial {polynomial}, coefficient {index}"
            assert response.payload == b""
    encapsulate(dut, number, key)
    generator.draw(32)
    assert next_nonce(dut) == generator.draw(12)


@pytest.mark.clause("KEM-2")
@_SETS
def test_a_reduced_key_in_another_form_is_refused(dut: Dut, number: int) -> None:
    """A coefficient plus q, where 12 bits have room for it, is the same number and another key."""
    key = _foreign_key(number)
    bits = int.from_bytes(key[:-32], "little")
    small = [index for index in range(256 * MLKEM_SHAPES[number].k) if bits >> 12 * index & 0xFFF < 4096 - MLKEM_Q]
    for index in (small[0], small[len(small) // 2], small[-1]):
        other = with_coefficient(key, index, (bits >> 12 * index & 0xFFF) + MLKEM_Q)
        refused(dut.mlkem_encaps(other), Status.CRYPTO_ERROR)
    encapsulate(dut, number, key)


@pytest.mark.clause("KEM-2")
@_SETS
def test_bytes_that_are_no_key(dut: Dut, number: int) -> None:
    size = ENCAPSULATION_KEY_BYTES[number]
    for bad in (b"\xff" * size, noise(size), b"\xff" * (size - 32) + bytes(32)):
        refused(dut.mlkem_encaps(bad), Status.CRYPTO_ERROR)


@pytest.mark.slow
@pytest.mark.clause("KEM-2")
@_SETS
def test_every_coefficient_is_checked(dut: Dut, number: int) -> None:
    key = _foreign_key(number)
    for index in range(256 * MLKEM_SHAPES[number].k):
        refused(dut.mlkem_encaps(with_coefficient(key, index, MLKEM_Q)), Status.CRYPTO_ERROR)


@pytest.mark.clause("KEM-2", "VAL-1")
def test_a_key_of_any_other_length_is_an_invalid_payload(dut: Dut) -> None:
    """One byte off in either direction, ciphertexts, none at all, the longest payload; before the check of the key."""
    lengths = {0, 1, 4, 32, 768, 1088, 384, 1600, 1952, 65535, 65536}
    for size in ENCAPSULATION_KEY_BYTES.values():
        lengths |= {size - 1, size + 1, size - 32, size + 32, 2 * size, size + 4}
    for length in sorted(lengths - set(ENCAPSULATION_KEY_BYTES.values())):
        for payload in (bytes(length), b"\xff" * length):
            refused(dut.mlkem_encaps(payload), Status.INVALID_PAYLOAD)
    for number in MLKEM_SETS:
        key = _foreign_key(number)
        refused(dut.mlkem_encaps(key[:-1]), Status.INVALID_PAYLOAD)
        refused(dut.mlkem_encaps(key + b"\0"), Status.INVALID_PAYLOAD)
        refused(dut.send(ENCAPS, key, payload_length=65537), Status.PAYLOAD_TOO_LARGE)
        encapsulate(dut, number, key)


@pytest.mark.clause("KEM-2")
def test_the_length_alone_selects_the_parameter_set(dut: Dut) -> None:
    """Zeros are a sound key of each set."""
    for number in (*MLKEM_SETS, *MLKEM_SETS[::-1]):
        ciphertext, _ = encapsulate(dut, number, bytes(ENCAPSULATION_KEY_BYTES[number]))
        assert len(ciphertext) == CIPHERTEXT_BYTES[number]


# ---- no key of the storage has a part in it ----


@pytest.mark.clause("KEM-2", "KEY-3")
def test_the_key_storage_is_not_looked_at(dut: Dut) -> None:
    """Neither its loss nor a removed key is noticed: what is remembered stays."""
    ciphertext, secret = encapsulate(dut, 768, keygen(dut, 768))
    nonce = nonce_number(1)
    granted(dut.aes_decrypt(AES_KEY_ID, nonce, *seal_outside(AES_KEY_ID, nonce)))
    for image in (b"", noise(4096), KeyImage().build()):
        dut.keys.write(image)
        encapsulate(dut, 512, _foreign_key(512))
        dut.keys.repair()
        assert decapsulate(dut, 768, ciphertext) == secret
        refused(dut.aes_decrypt(AES_KEY_ID, nonce, *seal_outside(AES_KEY_ID, nonce)), Status.NONCE_REUSE)


# ---- draws, error state ----


@pytest.mark.clause("RNG-2", "VAL-1")
def test_an_encapsulation_that_is_refused_draws_nothing(dut: Dut) -> None:
    generator = draws()
    key = _foreign_key(512)
    refused(dut.mlkem_encaps(key[:-1]), Status.INVALID_PAYLOAD)
    refused(dut.mlkem_encaps(b"\xff" * 800), Status.CRYPTO_ERROR)
    refused(dut.mlkem_encaps(with_coefficient(key, 511, MLKEM_Q)), Status.CRYPTO_ERROR)
    refused(dut.send(ENCAPS, key, flags=1), Status.INVALID_HEADER)
    refused(dut.send(ENCAPS, key, payload_length=65537), Status.PAYLOAD_TOO_LARGE)
    exhaust(dut)
    refused(dut.mlkem_encaps(key), Status.RATE_LIMITED)
    dut.clock.advance(300_000)
    assert encapsulate(dut, 512, key)[1] == encapsulation_secrets(key, generator.draw(32))[0]


@pytest.mark.clause("RNG-3", "VAL-1")
def test_without_entropy_nothing_is_encapsulated(dut: Dut) -> None:
    dut.boot(bytes(48))
    for number in MLKEM_SETS:
        size = ENCAPSULATION_KEY_BYTES[number]
        for key in (_foreign_key(number), b"\xff" * size):
            refused(dut.mlkem_encaps(key), Status.CRYPTO_ERROR)
            refused(dut.mlkem_encaps(key[:-1]), Status.INVALID_PAYLOAD)
    dut.boot(ENTROPY)
    encapsulate(dut, 512, _foreign_key(512))


# ---- what stays behind ----


@pytest.mark.clause("KEM-2", "IPC-5")
@_SETS
def test_neither_m_nor_secret_nor_randomness_stays_in_memory(dut: Dut, number: int) -> None:
    """m, and both halves of G(m || H(ek)): the secret, and the seed of all that hides m."""
    generator = draws()
    for seed in range(3):
        key = _foreign_key(number, seed)
        encapsulate(dut, number, key)
        m = generator.draw(32)
        secret, randomness = encapsulation_secrets(key, m)
        assert residue(dut, pieces(m, 1)) == [], "m"
        assert residue(dut, pieces(secret, 1)) == [], "shared secret"
        assert residue(dut, pieces(randomness, 1)) == [], "encryption randomness"


@pytest.mark.clause("KEM-2", "IPC-5")
@_SETS
def test_the_secret_does_not_stay_in_the_response_area(dut: Dut, number: int) -> None:
    """Refusals and shorter answers behind it are followed by zeros."""
    client = RawClient(dut)
    key = _foreign_key(number)
    for request in (
        codec.mlkem_encaps(key[:-1]),
        codec.mlkem_encaps(b"\xff" * len(key)),
        codec.mlkem_decaps(MLKEM_KEY_IDS[number], bytes(CIPHERTEXT_BYTES[number])),
        codec.aes_encrypt(SECOND_AES_KEY_ID, b"", b"short"),
    ):
        _, secret = encapsulate(dut, number, key)
        response = dut.exchange(request)
        area = client.response
        assert not any(area[8 + len(response.payload) :])
        assert not [piece for piece in pieces(secret) if piece in area]

# SPDX-License-Identifier: GPL-2.0-or-later
"""MLDSA_SIGN (DSA-1, DSA-2): signatures that verify elsewhere, hedged with the generator's next 32 bytes."""

from __future__ import annotations

from hashlib import shake_256

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import exhaust, granted, next_nonce, noise, pieces, refused, residue
from harness.conformance.support_pq import (
    MLDSA_SETS,
    MLDSA_SHAPES,
    PUBLIC_KEYS,
    SIGN,
    SIGNATURE_BYTES,
    draws,
    key_bytes,
    signed,
    verifies_outside,
)
from harness.default_keys import (
    AES_KEY_ID,
    ENTROPY,
    MLDSA_KEY_IDS,
    MLDSA_PUBLIC_KEY_IDS,
    MLDSA_SEEDS,
    MLKEM_KEY_IDS,
    PEER_MLDSA_SEEDS,
    UNKNOWN_KEY_ID,
    mldsa_public_key,
)
from harness.model import mldsa as model_mldsa
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, mldsa_slot

_SETS = pytest.mark.parametrize("number", MLDSA_SETS)

# Messages, as 4 bytes, little-endian, whose signing comes to a bound, when it is the first draw behind ENTROPY and the
# key is the default one. tests/harness/conformance/test_bounds_of_signing.py shows that they do.
AT_BOUNDS: dict[int, dict[str, int]] = {
    44: {
        "z on its bound": 378,
        "z just within": 294,
        "low bits on their bound": 43,
        "low bits just within": 21,
        "omega + 1 hints": 264,
        "omega hints": 355,
        "low part gamma2": 111,
        "low part gamma2 + 1": 10,
        "low part -gamma2": 705,
        "low part -gamma2, high part 0": 65282,
        "24 rounds": 40,
    },
    65: {
        "z on its bound": 1395,
        "z just within": 216,
        "low bits on their bound": 73,
        "low bits just within": 85,
        "omega + 1 hints": 173,
        "omega hints": 764,
        "low part gamma2": 4,
        "low part gamma2 + 1": 635,
        "low part -gamma2": 207,
        "low part -gamma2, high part 0": 64,
        "64 rounds": 27578,
    },
    87: {
        "z on its bound": 170,
        "z just within": 19,
        "low bits on their bound": 0,
        "low bits just within": 14,
        "omega + 1 hints": 1459,
        "omega hints": 733,
        "low part gamma2": 159,
        "low part gamma2 + 1": 470,
        "low part -gamma2": 598,
        "low part -gamma2, high part 0": 1864,
        "38 rounds": 27953,
    },
}

# Seeds of keys in which a coefficient of t lies half way between two of t1 (FIPS 204, algorithm 35); shown there too.
HALF_WAY = {44: b"\x0d" * 32, 65: b"\x02" * 32, 87: b"\x07" * 32}


def _sign(dut: Dut, number: int, message: bytes = b"", context: bytes = b"") -> bytes:
    """A signature under the default key, which pyca/cryptography has to find valid."""
    key_id = MLDSA_KEY_IDS[number]
    signature = granted(dut.mldsa_sign(key_id, message, context))
    assert len(signature) == SIGNATURE_BYTES[number]
    assert verifies_outside(number, PUBLIC_KEYS[key_id], signature, message, context)
    return signature


# ---- DSA-1 ----


@pytest.mark.clause("DSA-1")
@_SETS
@pytest.mark.parametrize("context_length", [0, 1, 255])
def test_what_the_service_signs_verifies_elsewhere(dut: Dut, number: int, context_length: int) -> None:
    """And here; a signature is bound to its context."""
    context, key_id = noise(context_length, seed=2), MLDSA_KEY_IDS[number]
    for length in (0, 1, 300):
        message = noise(length)
        signature = _sign(dut, number, message, context)
        assert dut.mldsa_verify(key_id, signature, message, context).status is Status.SUCCESS
        other = context[1:] or b"another"
        assert not verifies_outside(number, PUBLIC_KEYS[key_id], signature, message, other)
        refused(dut.mldsa_verify(key_id, signature, message, other), Status.CRYPTO_ERROR)


@pytest.mark.clause("DSA-1")
def test_messages_that_fill_the_hash_s_blocks(dut: Dut) -> None:
    """66 bytes precede context and message; a block of SHAKE256 has 136."""
    for context_length in (0, 5, 70):
        for length in (136 - 66, 2 * 136 - 66):
            for over in (-1, 0, 1):
                _sign(dut, 44, noise(max(0, length - context_length + over)), noise(context_length, seed=2))


@pytest.mark.clause("DSA-1")
@_SETS
@pytest.mark.parametrize("context_length", [0, 255])
def test_the_longest_message(dut: Dut, number: int, context_length: int) -> None:
    """A payload of 65536 bytes; one more is PAYLOAD_TOO_LARGE."""
    context = noise(context_length, seed=2)
    _sign(dut, number, noise(65536 - 5 - context_length), context)
    payload = key_bytes(MLDSA_KEY_IDS[number]) + bytes([context_length]) + context
    refused(dut.send(SIGN, payload, payload_length=65537), Status.PAYLOAD_TOO_LARGE)


@pytest.mark.clause("DSA-1")
@_SETS
@pytest.mark.parametrize("name", ["noise", "zeros", "ones", "half way"])
def test_any_seed(dut: Dut, number: int, name: str) -> None:
    seeds = {"noise": noise(32), "zeros": bytes(32), "ones": b"\xff" * 32, "half way": HALF_WAY[number]}
    seed = seeds[name]
    dut.keys.replace(KeyImage((mldsa_slot(1, number, seed),)))
    signature = granted(dut.mldsa_sign(1, b"text", b"context"))
    assert verifies_outside(number, mldsa_public_key(number, seed), signature, b"text", b"context")
    assert dut.mldsa_verify(1, signature, b"text", b"context").status is Status.SUCCESS


@pytest.mark.clause("DSA-1")
@_SETS
def test_signing_is_hedged(dut: Dut, number: int) -> None:
    """Equal requests, different signatures, each of them valid, and none is the deterministic one."""
    signatures = {_sign(dut, number, b"twice", b"context") for _ in range(3)}
    challenges = {signature[: MLDSA_SHAPES[number].challenge] for signature in signatures}
    assert len(signatures) == len(challenges) == 3
    assert signed(number, MLDSA_SEEDS[number], b"twice", b"context") not in signatures


@pytest.mark.clause("DSA-1", "RNG-2")
@_SETS
def test_the_randomness_is_one_draw_of_32_bytes(dut: Dut, number: int) -> None:
    """Between nonces of AES_ENCRYPT, which take their own draws; a reset begins anew."""
    generator = draws()
    first = b""
    for count in range(3):
        message = bytes([count])
        signature = granted(dut.mldsa_sign(MLDSA_KEY_IDS[number], message, b"context"))
        first = first or signature
        rnd = generator.draw(32)
        assert signature == model_mldsa.sign(number, MLDSA_SEEDS[number], b"context", message, rnd)
        assert next_nonce(dut) == generator.draw(12)
    dut.boot()
    assert granted(dut.mldsa_sign(MLDSA_KEY_IDS[number], b"\0", b"context")) == first


@pytest.mark.clause("DSA-1")
@pytest.mark.parametrize(
    ("number", "name"), [(number, name) for number, messages in AT_BOUNDS.items() for name in messages]
)
def test_what_signing_rejects_lies_exactly_at_its_bounds(dut: Dut, number: int, name: str) -> None:
    """A candidate on a bound is rejected, one just within it is taken: FIPS 204, algorithm 7, lines 23 and 28.

    A hint is made where the low part comes to be outside (-gamma2, gamma2], and not where the high part stays 0 all the
    same (algorithms 36 and 39). From 256 masks on, their number takes two bytes: 64 and 38 rounds of 5 and 7.
    """
    dut.boot(ENTROPY)
    _sign(dut, number, AT_BOUNDS[number][name].to_bytes(4, "little"))


@pytest.mark.slow
@pytest.mark.clause("DSA-1")
@_SETS
def test_many_keys_and_messages(dut: Dut, number: int) -> None:
    for seed in range(25):
        key = noise(32, seed=100 + seed)
        dut.keys.replace(KeyImage((mldsa_slot(1, number, key),)))
        public = mldsa_public_key(number, key)
        for count in range(8):
            message, context = noise(37 * count, seed=seed), noise(31 * count, seed=count)
            signature = granted(dut.mldsa_sign(1, message, context))
            assert verifies_outside(number, public, signature, message, context), f"seed {seed}, message {count}"


# ---- lengths ----


@pytest.mark.clause("DSA-1", "VAL-1")
def test_context_length_reaches_the_payload_s_end_and_no_further(dut: Dut) -> None:
    """Exact: the message is empty. One byte more than the payload holds is INVALID_PAYLOAD."""
    for length in (0, 1, 2, 127, 128, 254, 255):
        context = noise(length)
        head = key_bytes(MLDSA_KEY_IDS[44])
        signature = granted(dut.send(SIGN, head + bytes([length]) + context))
        assert verifies_outside(44, PUBLIC_KEYS[MLDSA_KEY_IDS[44]], signature, b"", context)
        for said in {min(length + 1, 255), 255} - {length}:
            refused(dut.send(SIGN, head + bytes([said]) + context), Status.INVALID_PAYLOAD)


@pytest.mark.clause("DSA-1", "VAL-1")
def test_a_payload_shorter_than_its_fixed_fields(dut: Dut) -> None:
    sound = key_bytes(MLDSA_KEY_IDS[44]) + b"\0"
    for length in range(5):
        for payload in (sound[:length], bytes(length), b"\xff" * length):
            refused(dut.send(SIGN, payload), Status.INVALID_PAYLOAD)
    granted(dut.send(SIGN, sound))


# ---- keys ----


@pytest.mark.clause("DSA-2")
@_SETS
def test_a_public_key_alone_signs_nothing(dut: Dut, number: int) -> None:
    for message, context in ((b"", b""), (b"text", b"context"), (bytes(65531), b"")):
        refused(dut.mldsa_sign(MLDSA_PUBLIC_KEY_IDS[number], message, context), Status.KEY_NOT_FOUND)
    _sign(dut, number, b"the slot with a seed does")


@pytest.mark.clause("DSA-1", "VAL-1")
def test_keys_that_cannot_sign(dut: Dut) -> None:
    """None, key 0, an AES key, ML-KEM slots with and without a key."""
    granted(dut.mlkem_keygen(MLKEM_KEY_IDS[768]))
    for key_id in (UNKNOWN_KEY_ID, 0, AES_KEY_ID, *MLKEM_KEY_IDS.values(), MLDSA_KEY_IDS[44] << 8):
        refused(dut.mldsa_sign(key_id, b"text"), Status.KEY_NOT_FOUND)
        refused(dut.send(SIGN, key_bytes(key_id) + b"\x01"), Status.INVALID_PAYLOAD)
    dut.keys.corrupt(MLDSA_KEY_IDS[44])
    refused(dut.mldsa_sign(MLDSA_KEY_IDS[44], b"text"), Status.KEY_NOT_FOUND)
    refused(dut.send(SIGN, key_bytes(MLDSA_KEY_IDS[44])), Status.INVALID_PAYLOAD)


# ---- draws, error state ----


@pytest.mark.clause("RNG-2", "VAL-1")
def test_a_signature_that_is_refused_draws_nothing(dut: Dut) -> None:
    """The nonce behind refusals of every kind is the generator's first."""
    generator = draws()
    head = key_bytes(MLDSA_KEY_IDS[44])
    for key_id in (UNKNOWN_KEY_ID, 0, AES_KEY_ID, MLDSA_PUBLIC_KEY_IDS[65], MLKEM_KEY_IDS[512]):
        refused(dut.mldsa_sign(key_id, b"text"), Status.KEY_NOT_FOUND)
    dut.keys.corrupt(MLDSA_KEY_IDS[44])
    refused(dut.mldsa_sign(MLDSA_KEY_IDS[44], b"text"), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    refused(dut.send(SIGN, head + b"\x01"), Status.INVALID_PAYLOAD)
    refused(dut.send(SIGN, head), Status.INVALID_PAYLOAD)
    refused(dut.send(SIGN, head + b"\0", magic=0), Status.INVALID_HEADER)
    refused(dut.send(SIGN, head + b"\0", payload_length=65537), Status.PAYLOAD_TOO_LARGE)
    assert next_nonce(dut) == generator.draw(12)
    exhaust(dut)
    refused(dut.mldsa_sign(MLDSA_KEY_IDS[44], b"text"), Status.RATE_LIMITED)
    dut.clock.advance(100_000)
    signature = granted(dut.mldsa_sign(MLDSA_KEY_IDS[44], b"text"))
    assert signature == model_mldsa.sign(44, MLDSA_SEEDS[44], b"", b"text", generator.draw(32))


@pytest.mark.clause("RNG-3", "VAL-1")
def test_without_entropy_nothing_is_signed(dut: Dut) -> None:
    """What passes checks 1 to 5 is CRYPTO_ERROR, whatever the key is."""
    dut.boot(bytes(48))
    ids = (*MLDSA_KEY_IDS.values(), *MLDSA_PUBLIC_KEY_IDS.values(), UNKNOWN_KEY_ID, 0, AES_KEY_ID, MLKEM_KEY_IDS[512])
    for key_id in ids:
        refused(dut.mldsa_sign(key_id, b"text", b"context"), Status.CRYPTO_ERROR)
        refused(dut.send(SIGN, key_bytes(key_id) + b"\x01"), Status.INVALID_PAYLOAD)
        refused(dut.send(SIGN, key_bytes(key_id)), Status.INVALID_PAYLOAD)
    dut.boot(ENTROPY)
    _sign(dut, 44, b"text")


# ---- what stays behind ----


def _signing_secrets(number: int, seed: bytes, rnd: bytes, message: bytes, context: bytes) -> list[bytes]:
    """rnd, and the seed of the mask that it leads to, rho'' (FIPS 204, algorithm 7, line 7), in pieces of 16 bytes."""
    shape = MLDSA_SHAPES[number]
    key_seed = shake_256(seed + bytes([shape.k, shape.l])).digest(128)[96:]
    public_hash = shake_256(model_mldsa.public_key(number, seed)).digest(64)
    mu = shake_256(public_hash + bytes([0, len(context)]) + context + message).digest(64)
    return pieces(rnd, 1) + pieces(shake_256(key_seed + rnd + mu).digest(64), 1)


@pytest.mark.clause("DSA-1", "IPC-5")
@_SETS
def test_neither_randomness_nor_mask_seed_nor_message_stays_in_memory(dut: Dut, number: int) -> None:
    """Who learns one of the first two solves the signature for the key."""
    generator = draws()
    for size in (16, 300, 5000):
        message, context = noise(size, seed=5), noise(40, seed=6)
        granted(dut.mldsa_sign(MLDSA_KEY_IDS[number], message, context))
        secrets = _signing_secrets(number, MLDSA_SEEDS[number], generator.draw(32), message, context)
        assert residue(dut, secrets) == [], "rnd or rho''"
        assert residue(dut, pieces(message, max(1, size // 256)) + pieces(context, 1)) == [], "message or context"


@pytest.mark.clause("DSA-1", "IPC-5")
def test_a_message_that_is_not_signed_does_not_stay_in_memory(dut: Dut) -> None:
    message = noise(3000, seed=7)
    signature = signed(44, PEER_MLDSA_SEEDS[44], message)
    refused(dut.mldsa_sign(MLDSA_PUBLIC_KEY_IDS[44], message), Status.KEY_NOT_FOUND)
    assert residue(dut, pieces(message, 8)) == []
    assert dut.mldsa_verify(MLDSA_PUBLIC_KEY_IDS[44], signature, message).status is Status.SUCCESS
    assert residue(dut, pieces(message, 8)) == []

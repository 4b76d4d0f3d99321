# SPDX-License-Identifier: GPL-2.0-or-later
"""MLDSA_VERIFY (DSA-1, DSA-2): what verifies elsewhere verifies here, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import next_nonce, noise, refused
from harness.conformance.support_pq import (
    MLDSA_SETS,
    MLDSA_SHAPES,
    PUBLIC_KEY_BYTES,
    PUBLIC_KEYS,
    SIGNATURE_BYTES,
    VERIFY,
    draws,
    flipped,
    key_bytes,
    sign_outside,
    signature_parts,
    signed,
    verifies_outside,
    verify_payload,
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
)
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, mldsa_slot

_MESSAGE = b"what was signed"
_CONTEXT = b"what for"

_SETS = pytest.mark.parametrize("number", MLDSA_SETS)


def _accepted(dut: Dut, key_id: int, signature: bytes, message: bytes = b"", context: bytes = b"") -> None:
    """SUCCESS with an empty payload."""
    response = dut.mldsa_verify(key_id, signature, message, context)
    assert response.status is Status.SUCCESS, response.status.name
    assert response.payload == b""


def _rejected(dut: Dut, key_id: int, signature: bytes, message: bytes = b"", context: bytes = b"") -> None:
    """CRYPTO_ERROR, as pyca/cryptography rejects it."""
    number = dut.keys.image.slot(key_id).parameter_set
    assert not verifies_outside(number, PUBLIC_KEYS[key_id], signature, message, context)
    refused(dut.mldsa_verify(key_id, signature, message, context), Status.CRYPTO_ERROR)


def _slots(number: int) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    """Key id and seed of the slot with a seed, and of the slot with a public key alone."""
    return (
        (MLDSA_KEY_IDS[number], MLDSA_SEEDS[number]),
        (MLDSA_PUBLIC_KEY_IDS[number], PEER_MLDSA_SEEDS[number]),
    )


# ---- what is valid ----


@pytest.mark.clause("DSA-1", "DSA-2")
@_SETS
@pytest.mark.parametrize("context_length", [0, 1, 255])
def test_what_is_signed_elsewhere_verifies_here(dut: Dut, number: int, context_length: int) -> None:
    """By pyca/cryptography, whose signatures differ each time; with a seed in the slot and with a public key alone."""
    context = noise(context_length, seed=2)
    for key_id, seed in _slots(number):
        for length in (0, 1, 1000):
            message = noise(length)
            signature = sign_outside(number, seed, message, context)
            assert len(signature) == SIGNATURE_BYTES[number]
            _accepted(dut, key_id, signature, message, context)


@pytest.mark.clause("DSA-1")
@pytest.mark.parametrize("context_length", [0, 1, 8, 69, 70, 205])
def test_messages_that_fill_the_hash_s_blocks(dut: Dut, context_length: int) -> None:
    """Messages that end just before, at and just behind a block of SHAKE256, of 136 bytes, beside 66 that precede."""
    context = noise(context_length, seed=2)
    for blocks in (2, 3):
        for over in (-1, 0, 1):
            message = noise(136 * blocks - 66 - context_length + over)
            signature = sign_outside(44, PEER_MLDSA_SEEDS[44], message, context)
            _accepted(dut, MLDSA_PUBLIC_KEY_IDS[44], signature, message, context)


@pytest.mark.clause("DSA-1")
@_SETS
@pytest.mark.parametrize("context_length", [0, 255])
def test_the_longest_message(dut: Dut, number: int, context_length: int) -> None:
    """A payload of 65536 bytes; its last byte counts."""
    context = noise(context_length, seed=2)
    message = noise(65536 - 7 - context_length - SIGNATURE_BYTES[number])
    for key_id, seed in _slots(number):
        signature = sign_outside(number, seed, message, context)
        _rejected(dut, key_id, signature, flipped(message, -1), context)
        _accepted(dut, key_id, signature, message, context)


@pytest.mark.clause("DSA-2")
@_SETS
def test_a_slot_with_a_public_key_verifies_what_its_seed_signs(dut: Dut, number: int) -> None:
    """The two halves of one key, in two slots: what one slot signs the other verifies."""
    key = PUBLIC_KEYS[MLDSA_KEY_IDS[number]]
    dut.keys.replace(KeyImage((mldsa_slot(7, number, MLDSA_SEEDS[number]), mldsa_slot(8, number, key))))
    response = dut.mldsa_sign(7, _MESSAGE, _CONTEXT)
    for key_id in (8, 7):
        _accepted(dut, key_id, response.payload, _MESSAGE, _CONTEXT)
    for key_id in (8, 7):
        refused(dut.mldsa_verify(key_id, response.payload, _MESSAGE), Status.CRYPTO_ERROR)
    refused(dut.mldsa_sign(8, _MESSAGE, _CONTEXT), Status.KEY_NOT_FOUND)


@pytest.mark.clause("DSA-1")
def test_a_signature_stays_valid(dut: Dut) -> None:
    """Verified again and again, between others that are not."""
    for number in MLDSA_SETS:
        key_id, seed = _slots(number)[1]
        signature = signed(number, seed, _MESSAGE)
        for _ in range(3):
            _accepted(dut, key_id, signature, _MESSAGE)
            _rejected(dut, key_id, signature, _MESSAGE + b"!")


# ---- what is not ----


def _forgeries(number: int, signature: bytes) -> Iterator[tuple[str, bytes]]:
    """A bit flipped in each part of a signature: first and last bytes, and some between."""
    sizes = [len(part) for part in signature_parts(number, signature)]
    omega = MLDSA_SHAPES[number].omega
    start = 0
    for name, size in zip(("c~", "z", "hints"), sizes, strict=True):
        bits = {0, 7, 8 * (size // 2) + 3, 8 * size - 8, 8 * size - 1}
        if name == "z":
            bits |= {18 * 256, 20 * 256 * (len(signature) % 4 + 1), 8 * (size // 3), 8 * (size * 3 // 4) + 5}
        if name == "hints":
            bits |= {8, 8 * omega - 8, 8 * omega - 1, 8 * omega, 8 * (omega + 1) + 1}
        for bit in sorted(bits):
            yield f"{name}, bit {bit}", flipped(signature, 8 * start + bit)
        start += size


@pytest.mark.clause("DSA-1")
@_SETS
def test_every_part_of_a_signature_counts(dut: Dut, number: int) -> None:
    for key_id, seed in _slots(number):
        signature = signed(number, seed, _MESSAGE, _CONTEXT)
        for what, forged in _forgeries(number, signature):
            response = dut.mldsa_verify(key_id, forged, _MESSAGE, _CONTEXT)
            assert response.status is Status.CRYPTO_ERROR, f"{what}: {response.status.name}"
            assert not verifies_outside(number, PUBLIC_KEYS[key_id], forged, _MESSAGE, _CONTEXT), what
        _accepted(dut, key_id, signature, _MESSAGE, _CONTEXT)


@pytest.mark.slow
@pytest.mark.clause("DSA-1")
@_SETS
def test_every_byte_of_a_signature_counts(dut: Dut, number: int) -> None:
    key_id, seed = _slots(number)[1]
    signature = signed(number, seed, _MESSAGE, _CONTEXT)
    for byte in range(len(signature)):
        forged = flipped(signature, 8 * byte + byte % 8)
        response = dut.mldsa_verify(key_id, forged, _MESSAGE, _CONTEXT)
        assert response.status is Status.CRYPTO_ERROR, f"byte {byte}: {response.status.name}"


@pytest.mark.clause("DSA-1")
@_SETS
def test_another_message_or_context_does_not_verify(dut: Dut, number: int) -> None:
    """Each bit of both, their lengths, and where one ends and the other begins."""
    key_id, seed = _slots(number)[1]
    signature = signed(number, seed, _MESSAGE, _CONTEXT)
    both = _CONTEXT + _MESSAGE
    others = [
        (flipped(_MESSAGE, 0), _CONTEXT),
        (flipped(_MESSAGE, -1), _CONTEXT),
        (_MESSAGE, flipped(_CONTEXT, 0)),
        (_MESSAGE, flipped(_CONTEXT, -1)),
        (_MESSAGE + b"\0", _CONTEXT),
        (_MESSAGE[:-1], _CONTEXT),
        (b"", _CONTEXT),
        (_MESSAGE, b""),
        (_MESSAGE, _CONTEXT + b"\0"),
        (_MESSAGE, _CONTEXT[:-1]),
        (_MESSAGE, _MESSAGE),
        *((both[cut:], both[:cut]) for cut in (0, len(_CONTEXT) - 1, len(_CONTEXT) + 1, len(both))),
        # The framing of M' moved into the message: zero, length, context.
        (b"\0" + bytes([len(_CONTEXT)]) + both, b""),
    ]
    for message, context in others:
        _rejected(dut, key_id, signature, message, context)
    _accepted(dut, key_id, signature, _MESSAGE, _CONTEXT)


@pytest.mark.clause("DSA-1")
@_SETS
def test_another_key_does_not_verify(dut: Dut, number: int) -> None:
    (own, own_seed), (peer, peer_seed) = _slots(number)
    _rejected(dut, peer, signed(number, own_seed, _MESSAGE), _MESSAGE)
    _rejected(dut, own, signed(number, peer_seed, _MESSAGE), _MESSAGE)
    _accepted(dut, own, signed(number, own_seed, _MESSAGE), _MESSAGE)
    _accepted(dut, peer, signed(number, peer_seed, _MESSAGE), _MESSAGE)


@pytest.mark.clause("DSA-1")
@_SETS
def test_bytes_that_are_no_signature(dut: Dut, number: int) -> None:
    size = SIGNATURE_BYTES[number]
    key_id = MLDSA_PUBLIC_KEY_IDS[number]
    signature = signed(number, PEER_MLDSA_SEEDS[number], _MESSAGE)
    bad = [bytes(size), b"\xff" * size, noise(size), signature[::-1], signature[1:] + signature[:1]]
    for forged in bad:
        _rejected(dut, key_id, forged, _MESSAGE)


# ---- public keys of any content ----


@pytest.mark.clause("DSA-2", "IPC-6")
@_SETS
def test_every_public_key_of_the_right_length_is_usable(dut: Dut, number: int) -> None:
    """FIPS 204 knows no public key that does not decode: zeros, ones and noise verify nothing, and do no harm."""
    size = PUBLIC_KEY_BYTES[number]
    signature = signed(number, PEER_MLDSA_SEEDS[number], _MESSAGE)
    for key in (bytes(size), b"\xff" * size, noise(size)):
        dut.keys.replace(KeyImage((mldsa_slot(5, number, key),)))
        for forged in (signature, bytes(len(signature)), b"\xff" * len(signature)):
            assert not verifies_outside(number, key, forged, _MESSAGE)
            refused(dut.mldsa_verify(5, forged, _MESSAGE), Status.CRYPTO_ERROR)
        refused(dut.mldsa_sign(5, _MESSAGE), Status.KEY_NOT_FOUND)


@pytest.mark.clause("DSA-2")
@_SETS
def test_every_part_of_a_public_key_counts(dut: Dut, number: int) -> None:
    """A bit changed in it, under the same generation: the storage counts as it stands."""
    seed = PEER_MLDSA_SEEDS[number]
    key, signature = PUBLIC_KEYS[MLDSA_PUBLIC_KEY_IDS[number]], signed(number, seed, _MESSAGE)
    for bit in (0, 255, 256, 8 * 700, -8, -1):
        dut.keys.replace(KeyImage((mldsa_slot(5, number, flipped(key, bit)),)))
        refused(dut.mldsa_verify(5, signature, _MESSAGE), Status.CRYPTO_ERROR)
    dut.keys.replace(KeyImage((mldsa_slot(5, number, key),)))
    _accepted(dut, 5, signature, _MESSAGE)


# ---- lengths ----


@pytest.mark.clause("DSA-1", "VAL-1")
@_SETS
def test_a_signature_of_another_length_is_an_invalid_payload(dut: Dut, number: int) -> None:
    """One byte off in either direction, the other sets' lengths, none, the longest that a payload has room for."""
    size = SIGNATURE_BYTES[number]
    for key_id, seed in _slots(number):
        signature = signed(number, seed)
        padded = signature + bytes(65529 - size)
        for length in sorted({0, 1, size - 1, size + 1, 65529, *SIGNATURE_BYTES.values()} - {size}):
            refused(dut.mldsa_verify(key_id, padded[:length]), Status.INVALID_PAYLOAD)
        _accepted(dut, key_id, signature)


@pytest.mark.clause("DSA-1", "VAL-1")
@_SETS
def test_signature_length_reaches_the_payload_s_end_and_no_further(dut: Dut, number: int) -> None:
    """Exact: the message is empty. A byte of the signature taken for message, or of the message for signature."""
    key_id, seed = _slots(number)[1]
    size, signature = SIGNATURE_BYTES[number], signed(number, seed)
    assert dut.send(VERIFY, verify_payload(key_id, signature)).status is Status.SUCCESS
    for cut in (1, 2, 100, size):
        refused(dut.send(VERIFY, verify_payload(key_id, signature[:-cut], length=size)), Status.INVALID_PAYLOAD)
    for length in (size + 1, 0x8000, 0xFFFF):
        refused(dut.send(VERIFY, verify_payload(key_id, signature, length=length)), Status.INVALID_PAYLOAD)
    for message in (b"\0", bytes(2), noise(300)):
        refused(dut.send(VERIFY, verify_payload(key_id, signature, message)), Status.CRYPTO_ERROR)
        refused(dut.send(VERIFY, verify_payload(key_id, signature, message, size + 1)), Status.INVALID_PAYLOAD)


@pytest.mark.clause("DSA-1", "VAL-1")
def test_context_length_reaches_the_payload_s_end_and_no_further(dut: Dut) -> None:
    """Behind the context there has to be room for signature_length; one byte less is INVALID_PAYLOAD."""
    key_id = MLDSA_PUBLIC_KEY_IDS[44]
    for length in (0, 1, 2, 100, 254, 255):
        context = bytes(length)
        head = key_bytes(key_id) + bytes([length]) + context
        for rest in (b"", b"\0"):
            refused(dut.send(VERIFY, head + rest), Status.INVALID_PAYLOAD)
        # Two zero bytes are a signature_length of 0: sound, and no signature's length (check 7).
        refused(dut.send(VERIFY, head + bytes(2)), Status.INVALID_PAYLOAD)
        refused(dut.send(VERIFY, key_bytes(UNKNOWN_KEY_ID) + head[4:] + bytes(2)), Status.KEY_NOT_FOUND)
        refused(dut.send(VERIFY, key_bytes(UNKNOWN_KEY_ID) + head[4:] + b"\0"), Status.INVALID_PAYLOAD)
        signature = signed(44, PEER_MLDSA_SEEDS[44], b"", context)
        _accepted(dut, key_id, signature, b"", context)


@pytest.mark.clause("DSA-1", "VAL-1")
def test_a_payload_shorter_than_its_fixed_fields(dut: Dut) -> None:
    sound = key_bytes(MLDSA_KEY_IDS[44]) + bytes(3)
    for length in range(7):
        refused(dut.send(VERIFY, sound[:length]), Status.INVALID_PAYLOAD)
        refused(dut.send(VERIFY, bytes(length)), Status.INVALID_PAYLOAD)
    refused(dut.send(VERIFY, key_bytes(UNKNOWN_KEY_ID) + bytes(3)), Status.KEY_NOT_FOUND)


# ---- order of checks, draws ----


@pytest.mark.clause("VAL-1")
def test_structure_comes_before_the_key_and_the_key_before_the_size(dut: Dut) -> None:
    for key_id in (UNKNOWN_KEY_ID, 0, AES_KEY_ID, MLKEM_KEY_IDS[512]):
        for size in (0, 1, 2419, 2420, 2421):
            refused(dut.send(VERIFY, verify_payload(key_id, bytes(size), length=size + 1)), Status.INVALID_PAYLOAD)
            refused(dut.send(VERIFY, verify_payload(key_id, bytes(size))), Status.KEY_NOT_FOUND)
    for key_id in (MLDSA_KEY_IDS[44], MLDSA_PUBLIC_KEY_IDS[44]):
        dut.keys.corrupt(key_id)
        for size in (2419, 2420):
            refused(dut.send(VERIFY, verify_payload(key_id, bytes(size))), Status.KEY_NOT_FOUND)
        dut.keys.repair()


@pytest.mark.clause("RNG-2")
def test_verification_draws_nothing(dut: Dut) -> None:
    """Neither a good one nor a bad one: the next nonces are the generator's first."""
    generator = draws()
    for number in MLDSA_SETS:
        key_id, seed = _slots(number)[1]
        signature = signed(number, seed, _MESSAGE)
        _accepted(dut, key_id, signature, _MESSAGE)
        _rejected(dut, key_id, signature)
        refused(dut.mldsa_verify(key_id, signature + b"\0"), Status.INVALID_PAYLOAD)
        refused(dut.mldsa_verify(UNKNOWN_KEY_ID, signature), Status.KEY_NOT_FOUND)
        assert next_nonce(dut) == generator.draw(12)


@pytest.mark.clause("RNG-3", "VAL-1")
def test_without_entropy_nothing_verifies(dut: Dut) -> None:
    """What passes checks 1 to 5 is CRYPTO_ERROR, whatever key, size and signature are."""
    dut.boot(bytes(48))
    for key_id, seed in _slots(44):
        refused(dut.mldsa_verify(key_id, signed(44, seed, _MESSAGE), _MESSAGE), Status.CRYPTO_ERROR)
        refused(dut.mldsa_verify(key_id, bytes(2419)), Status.CRYPTO_ERROR)
        refused(dut.send(VERIFY, verify_payload(key_id, b"", length=1)), Status.INVALID_PAYLOAD)
    for key_id in (UNKNOWN_KEY_ID, 0, AES_KEY_ID):
        refused(dut.mldsa_verify(key_id, bytes(2420)), Status.CRYPTO_ERROR)
    dut.boot(ENTROPY)
    _accepted(dut, MLDSA_PUBLIC_KEY_IDS[44], signed(44, PEER_MLDSA_SEEDS[44], _MESSAGE), _MESSAGE)

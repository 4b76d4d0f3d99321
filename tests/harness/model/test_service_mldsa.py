# SPDX-License-Identifier: GPL-2.0-or-later
"""MLDSA_SIGN and MLDSA_VERIFY: the order of checks, payload structure, key slots with and without a seed."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Model, mldsa
from harness.model.drbg import CtrDrbg
from harness.protocol import codec
from harness.protocol.codec import RawRequest, Response
from harness.protocol.commands import Algorithm, Status
from harness.protocol.key_image import KeyImage, KeySlot, aes_slot, corrupt

ENTROPY = bytes(range(48))
SEED = bytes(range(32))
RND = bytes(32)
SIGNER = {44: 1, 65: 2, 87: 3}  # parameter set -> id of the slot with the seed
VERIFIER = {44: 4, 65: 5, 87: 6}  # parameter set -> id of the slot with the public key
IMAGE = KeyImage(
    (
        *(KeySlot(i, Algorithm.MLDSA, number, 1, SEED) for number, i in SIGNER.items()),
        *(KeySlot(i, Algorithm.MLDSA, number, 1, mldsa.public_key(number, SEED)) for number, i in VERIFIER.items()),
        aes_slot(7, SEED),
        KeySlot(8, Algorithm.MLKEM, 512, 1, b""),
    )
).build()

parameter_sets = pytest.mark.parametrize("parameter_set", mldsa.PARAMETER_SETS)


@pytest.fixture
def model() -> Model:
    return Model(ENTROPY, IMAGE)


def status(model: Model, code: int, payload: bytes) -> Status:
    return model.exchange(codec.encode_request(code, payload), 0).status


def verify_request(key_id: int, message: bytes = b"message", parameter_set: int = 44) -> bytes:
    """A request that SUCCESS answers, when `key_id` is of that parameter set."""
    signature = mldsa.sign(parameter_set, SEED, b"context", message, RND)
    return codec.mldsa_verify(key_id, b"context", signature, message)


# ---- order of checks ----

SIGN_CHECKS = {
    "rate": Status.RATE_LIMITED,
    "header": Status.INVALID_HEADER,
    "type": Status.INVALID_TYPE,
    "size": Status.PAYLOAD_TOO_LARGE,
    "structure": Status.INVALID_PAYLOAD,
    "error state": Status.CRYPTO_ERROR,
    "key": Status.KEY_NOT_FOUND,
}
# Check 7 and check 9 are met by a signature that is too short, and by one that does not verify.
VERIFY_CHECKS = {**SIGN_CHECKS, "length": Status.INVALID_PAYLOAD, "operation": Status.CRYPTO_ERROR}


def failing(model: Model, code: int, payload: bytes, checks: set[str]) -> Response:
    """The answer to a request that fails exactly `checks` of those that do not depend on the operation."""
    raw = RawRequest(
        type=0x99 if "type" in checks else code,
        payload=payload,
        magic=0xC8 if "header" in checks else 0xC7,
        payload_length=65537 if "size" in checks else None,
    )
    if "rate" in checks:
        while model.exchange(b"", 0).status != Status.RATE_LIMITED:
            pass
    model.in_error_state = "error state" in checks
    return model.exchange(raw.encode(), 0)


def failing_sign(model: Model, checks: set[str]) -> Response:
    payload = codec.mldsa_sign(9 if "key" in checks else 1, b"context", b"message")[8:]
    return failing(model, 0x10, payload[:11] if "structure" in checks else payload, checks)


def failing_verify(model: Model, checks: set[str]) -> Response:
    signature = bytearray(mldsa.sign(44, SEED, b"context", b"message", RND))
    if "operation" in checks:
        signature[0] ^= 1
    if "length" in checks:
        del signature[-1]
    payload = codec.mldsa_verify(9 if "key" in checks else 1, b"context", bytes(signature), b"message")[8:]
    return failing(model, 0x11, payload[:100] if "structure" in checks else payload, checks)


@pytest.mark.parametrize("check", SIGN_CHECKS)
def test_each_check_of_sign(model: Model, check: str) -> None:
    assert failing_sign(model, {check}) == Response(SIGN_CHECKS[check])


@pytest.mark.parametrize(("first", "second"), list(combinations(SIGN_CHECKS, 2)))
def test_first_failing_check_of_sign_decides(model: Model, first: str, second: str) -> None:
    assert failing_sign(model, {first, second}) == Response(SIGN_CHECKS[first])


@pytest.mark.parametrize("check", VERIFY_CHECKS)
def test_each_check_of_verify(model: Model, check: str) -> None:
    assert failing_verify(model, {check}) == Response(VERIFY_CHECKS[check])


@pytest.mark.parametrize(("first", "second"), list(combinations(VERIFY_CHECKS, 2)))
def test_first_failing_check_of_verify_decides(model: Model, first: str, second: str) -> None:
    assert failing_verify(model, {first, second}) == Response(VERIFY_CHECKS[first])


def test_no_failing_check(model: Model) -> None:
    assert failing_sign(model, set()).status == Status.SUCCESS
    assert failing_verify(model, set()) == Response(Status.SUCCESS)


# ---- structure ----


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\1\0\0\0", Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\0", Status.SUCCESS),
        (b"\1\0\0\0\1", Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\1c", Status.SUCCESS),
        (b"\1\0\0\0\xff" + bytes(254), Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\xff" + bytes(255), Status.SUCCESS),
        (b"\1\0\0\0\xff" + bytes(65531), Status.SUCCESS),
    ],
)
def test_sign_structure(model: Model, payload: bytes, expected: Status) -> None:
    assert status(model, 0x10, payload) == expected


@pytest.mark.parametrize(
    ("context_length", "behind", "expected"),
    [
        (0, b"\0", Status.INVALID_PAYLOAD),
        (0, b"\0\0", Status.INVALID_PAYLOAD),  # check 7: no signature at all
        (0, b"\1\0", Status.INVALID_PAYLOAD),
        (1, b"\0\0", Status.INVALID_PAYLOAD),
        (255, bytes(256), Status.INVALID_PAYLOAD),
        (0, b"\x74\x09" + bytes(2419), Status.INVALID_PAYLOAD),
        (0, b"\x74\x09" + bytes(2420), Status.CRYPTO_ERROR),
        (0, b"\x74\x09" + bytes(2421), Status.CRYPTO_ERROR),
        (0, b"\x73\x09" + bytes(2420), Status.INVALID_PAYLOAD),
        (0, b"\x75\x09" + bytes(2421), Status.INVALID_PAYLOAD),
        (255, bytes(255) + b"\x74\x09" + bytes(2420), Status.CRYPTO_ERROR),
        (0, b"\xff\xff" + bytes(65529), Status.INVALID_PAYLOAD),
    ],
)
def test_verify_structure(model: Model, context_length: int, behind: bytes, expected: Status) -> None:
    assert status(model, 0x11, b"\1\0\0\0" + bytes([context_length]) + behind) == expected


@pytest.mark.parametrize(
    ("behind", "sound"),
    [(b"\0", False), (b"\0\0", True), (b"\1\0", False), (b"\1\0x", True), (b"\xff\xff" + bytes(65529), False)],
)
def test_structure_is_check_5_and_the_signatures_length_check_7(model: Model, behind: bytes, sound: bool) -> None:
    """An unknown key parts the two."""
    expected = Status.KEY_NOT_FOUND if sound else Status.INVALID_PAYLOAD
    assert status(model, 0x11, b"\x09\0\0\0\0" + behind) == expected


# ---- operations ----


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(mldsa.PARAMETER_SETS), st.binary(max_size=255), st.binary(max_size=100))
def test_signatures_are_predicted_bit_for_bit(parameter_set: int, context: bytes, message: bytes) -> None:
    model, generator = Model(ENTROPY, IMAGE), CtrDrbg(ENTROPY)
    generator.generate(16)
    for _ in range(2):
        expected = mldsa.sign(parameter_set, SEED, context, message, generator.generate(32))
        got = model.exchange(codec.mldsa_sign(SIGNER[parameter_set], context, message), 0)
        assert got == Response(Status.SUCCESS, expected)
        for key_id in (SIGNER[parameter_set], VERIFIER[parameter_set]):
            assert model.exchange(codec.mldsa_verify(key_id, context, expected, message), 0) == Response(Status.SUCCESS)
            other = codec.mldsa_verify(key_id, context, expected, message + b"!")
            assert model.exchange(other, 0) == Response(Status.CRYPTO_ERROR)


@parameter_sets
def test_signing_needs_a_seed(model: Model, parameter_set: int) -> None:
    request = codec.mldsa_sign(VERIFIER[parameter_set], b"", b"")
    assert model.exchange(request, 0) == Response(Status.KEY_NOT_FOUND)


@parameter_sets
def test_signatures_of_other_parameter_sets(model: Model, parameter_set: int) -> None:
    """Check 7: the length gives them away."""
    for other in mldsa.PARAMETER_SETS:
        request = verify_request(VERIFIER[parameter_set], parameter_set=other)
        expected = Status.SUCCESS if other == parameter_set else Status.INVALID_PAYLOAD
        assert model.exchange(request, 0).status == expected


@pytest.mark.parametrize("key_id", [0, 7, 8, 9, 0x0100_0001, 0xFFFF_FFFF])
def test_ids_that_are_no_mldsa_key(model: Model, key_id: int) -> None:
    assert model.exchange(codec.mldsa_sign(key_id, b"", b""), 0).status == Status.KEY_NOT_FOUND
    assert model.exchange(verify_request(key_id), 0).status == Status.KEY_NOT_FOUND


def test_corrupt_slot(model: Model) -> None:
    model.key_image = corrupt(IMAGE, 0)
    assert model.exchange(codec.mldsa_sign(1, b"", b""), 0).status == Status.KEY_NOT_FOUND
    assert model.exchange(verify_request(1), 0).status == Status.KEY_NOT_FOUND
    assert model.exchange(verify_request(4), 0).status == Status.SUCCESS


def test_rotated_key_verifies_no_old_signature(model: Model) -> None:
    slots = KeyImage.parse(IMAGE)
    model.key_image = slots.replaced(slots.slot(1).rotated(bytes(32))).build()
    assert model.exchange(verify_request(1), 0).status == Status.CRYPTO_ERROR
    assert model.exchange(verify_request(4), 0).status == Status.SUCCESS


def test_refusals_and_verifications_draw_nothing(model: Model) -> None:
    for request in (
        codec.mldsa_sign(9, b"", b""),
        codec.mldsa_sign(4, b"", b""),
        codec.encode_request(0x10, b"\1\0\0\0\1"),
        verify_request(1),
        verify_request(1)[:-1],
        verify_request(2),
    ):
        model.exchange(request, 0)
    request = codec.mldsa_sign(1, b"", b"")
    assert model.exchange(request, 0) == Model(ENTROPY, IMAGE).exchange(request, 0)


def test_error_state_signs_and_verifies_nothing() -> None:
    model = Model(bytes(48), IMAGE)
    assert model.exchange(codec.mldsa_sign(1, b"", b""), 0) == Response(Status.CRYPTO_ERROR)
    assert model.exchange(verify_request(1), 0) == Response(Status.CRYPTO_ERROR)

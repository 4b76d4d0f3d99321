# SPDX-License-Identifier: GPL-2.0-or-later
"""MLKEM_KEYGEN, MLKEM_ENCAPS and MLKEM_DECAPS: the order of checks, the life of a generated key, implicit rejection."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Model, mlkem
from harness.model.drbg import CtrDrbg
from harness.protocol import codec
from harness.protocol.codec import RawRequest, Response
from harness.protocol.commands import Algorithm, Status
from harness.protocol.key_image import KeyImage, KeySlot, aes_slot, corrupt

ENTROPY = bytes(range(48))
KEY_ID = {512: 1, 768: 2, 1024: 3}
SLOTS = KeyImage(
    (
        *(KeySlot(i, Algorithm.MLKEM, number, 1, b"") for number, i in KEY_ID.items()),
        aes_slot(7, bytes(32)),
        KeySlot(8, Algorithm.MLDSA, 44, 1, bytes(32)),
    )
)
IMAGE = SLOTS.build()
# A key of somebody else's, to encapsulate to.
FOREIGN = {number: mlkem.keygen(number, b"d" * 32, b"z" * 32)[0] for number in mlkem.PARAMETER_SETS}

parameter_sets = pytest.mark.parametrize("parameter_set", mlkem.PARAMETER_SETS)


@pytest.fixture
def model() -> Model:
    return Model(ENTROPY, IMAGE)


def succeed(model: Model, request: bytes) -> bytes:
    response = model.exchange(request, 0)
    assert response.status == Status.SUCCESS
    return response.payload


def keygen(model: Model, parameter_set: int = 512) -> bytes:
    return succeed(model, codec.mlkem_keygen(KEY_ID[parameter_set]))


def encapsulated(model: Model, encapsulation_key: bytes) -> tuple[bytes, bytes]:
    """Ciphertext and secret."""
    payload = succeed(model, codec.mlkem_encaps(encapsulation_key))
    return payload[:-32], payload[-32:]


# ---- order of checks ----

COMMON = {
    "rate": Status.RATE_LIMITED,
    "header": Status.INVALID_HEADER,
    "type": Status.INVALID_TYPE,
    "size": Status.PAYLOAD_TOO_LARGE,
    "structure": Status.INVALID_PAYLOAD,
    "error state": Status.CRYPTO_ERROR,
}
CHECKS = {
    0x20: {**COMMON, "key": Status.KEY_NOT_FOUND},
    0x21: {**COMMON, "operation": Status.CRYPTO_ERROR},
    0x22: {**COMMON, "key": Status.KEY_NOT_FOUND, "length": Status.INVALID_PAYLOAD},
}


def payload_failing(model: Model, code: int, checks: set[str]) -> bytes:
    key_id = b"\x09\0\0\0" if "key" in checks else b"\1\0\0\0"
    if code == 0x20:
        return key_id[:3] if "structure" in checks else key_id
    if code == 0x21:
        valid = FOREIGN[512]
        payload = b"\xff" * 3 + valid[3:] if "operation" in checks else valid
        return payload[:-1] if "structure" in checks else payload
    ciphertext, _ = encapsulated(model, keygen(model))
    payload = key_id + (ciphertext[:-1] if "length" in checks else ciphertext)
    return payload[:3] if "structure" in checks else payload


def failing(model: Model, code: int, checks: set[str]) -> Response:
    """The answer to a request that fails exactly `checks`."""
    raw = RawRequest(
        type=0x99 if "type" in checks else code,
        payload=payload_failing(model, code, checks),
        magic=0xC8 if "header" in checks else 0xC7,
        payload_length=65537 if "size" in checks else None,
    )
    if "rate" in checks:
        while model.exchange(b"", 0).status != Status.RATE_LIMITED:
            pass
    model.in_error_state = "error state" in checks
    return model.exchange(raw.encode(), 0)


@pytest.mark.parametrize(("code", "check"), [(code, check) for code, checks in CHECKS.items() for check in checks])
def test_each_check(model: Model, code: int, check: str) -> None:
    assert failing(model, code, {check}) == Response(CHECKS[code][check])


@pytest.mark.parametrize(
    ("code", "first", "second"), [(code, *pair) for code, checks in CHECKS.items() for pair in combinations(checks, 2)]
)
def test_first_failing_check_decides(model: Model, code: int, first: str, second: str) -> None:
    assert failing(model, code, {first, second}) == Response(CHECKS[code][first])


@pytest.mark.parametrize("code", CHECKS)
def test_no_failing_check(model: Model, code: int) -> None:
    assert failing(model, code, set()).status == Status.SUCCESS


# ---- structure ----


@pytest.mark.parametrize("length", [0, 1, 3, 5, 8, 65536])
def test_keygen_takes_a_key_id_and_nothing_else(model: Model, length: int) -> None:
    payload = b"\1\0\0\0".ljust(length, b"\0")[:length]
    assert model.exchange(codec.encode_request(0x20, payload), 0).status == Status.INVALID_PAYLOAD


@pytest.mark.parametrize("in_error_state", [False, True])
@pytest.mark.parametrize("length", [0, 799, 801, 1183, 1185, 1567, 1569, 65536])
def test_encapsulation_key_of_another_length(model: Model, length: int, in_error_state: bool) -> None:
    """Structure, check 5: no key of the storage has a part in it."""
    model.in_error_state = in_error_state
    assert model.exchange(codec.encode_request(0x21, bytes(length)), 0).status == Status.INVALID_PAYLOAD


@parameter_sets
def test_ciphertext_of_another_length(model: Model, parameter_set: int) -> None:
    """Check 7: an unknown or empty slot comes first."""
    size = mlkem.CIPHERTEXT_SIZES[parameter_set]
    key_id = KEY_ID[parameter_set]
    for length in (0, 1, size - 1, size + 1, 768, 1088, 1568, 65532):
        request = codec.mlkem_decaps(key_id, bytes(length))
        fresh = Model(ENTROPY, IMAGE)
        assert fresh.exchange(request, 0).status == Status.KEY_NOT_FOUND
        keygen(fresh, parameter_set)
        expected = Status.SUCCESS if length == size else Status.INVALID_PAYLOAD
        assert fresh.exchange(request, 0).status == expected


# ---- operations ----


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(mlkem.PARAMETER_SETS), st.binary(min_size=48, max_size=48).filter(any))
def test_predicted_bit_for_bit(parameter_set: int, entropy: bytes) -> None:
    model, generator = Model(entropy, IMAGE), CtrDrbg(entropy)
    generator.generate(16)
    seed = generator.generate(64)
    encapsulation_key, key = mlkem.keygen(parameter_set, seed[:32], seed[32:])
    assert keygen(model, parameter_set) == encapsulation_key
    ciphertext, secret = mlkem.encapsulate(encapsulation_key, generator.generate(32))
    assert encapsulated(model, encapsulation_key) == (ciphertext, secret)
    assert succeed(model, codec.mlkem_decaps(KEY_ID[parameter_set], ciphertext)) == secret
    altered = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
    rejected = succeed(model, codec.mlkem_decaps(KEY_ID[parameter_set], altered))
    assert rejected == mlkem.decapsulate(key, altered) != secret


@parameter_sets
def test_encapsulation_needs_no_slot(parameter_set: int) -> None:
    model = Model(ENTROPY, b"")
    ciphertext, secret = encapsulated(model, FOREIGN[parameter_set])
    assert mlkem.decapsulate(mlkem.keygen(parameter_set, b"d" * 32, b"z" * 32)[1], ciphertext) == secret


def test_encapsulation_does_not_look_at_the_storage(model: Model) -> None:
    """So it is no request at which ids that are gone are forgotten."""
    ciphertext, secret = encapsulated(model, keygen(model))
    model.key_image = KeyImage(()).build()
    encapsulated(model, FOREIGN[512])
    model.key_image = IMAGE
    assert succeed(model, codec.mlkem_decaps(1, ciphertext)) == secret


@parameter_sets
def test_non_canonical_encapsulation_key(model: Model, parameter_set: int) -> None:
    """KEM-2; and nothing is drawn for it (RNG-2)."""
    bad = FOREIGN[parameter_set][:-35] + b"\xff" * 3 + FOREIGN[parameter_set][-32:]
    assert model.exchange(codec.mlkem_encaps(bad), 0) == Response(Status.CRYPTO_ERROR)
    request = codec.mlkem_encaps(FOREIGN[parameter_set])
    assert model.exchange(request, 0) == Model(ENTROPY, IMAGE).exchange(request, 0)


def test_refusals_draw_nothing(model: Model) -> None:
    for request in (
        codec.mlkem_keygen(9),
        codec.mlkem_keygen(7),
        codec.encode_request(0x20, b"\1\0\0\0\0"),
        codec.mlkem_decaps(1, bytes(768)),
        codec.mlkem_encaps(bytes(801)),
    ):
        assert model.exchange(request, 0).status != Status.SUCCESS
    assert keygen(model) == keygen(Model(ENTROPY, IMAGE))


# ---- the life of a generated key ----


def test_keygen_again_replaces_the_key(model: Model) -> None:
    first = keygen(model)
    ciphertext, secret = encapsulated(model, first)
    assert keygen(model) != first
    assert succeed(model, codec.mlkem_decaps(1, ciphertext)) != secret  # implicit rejection


def test_refused_keygen_leaves_the_key(model: Model) -> None:
    ciphertext, secret = encapsulated(model, keygen(model))
    assert model.exchange(codec.encode_request(0x20, b"\1\0\0\0x"), 0).status == Status.INVALID_PAYLOAD
    assert succeed(model, codec.mlkem_decaps(1, ciphertext)) == secret


def test_each_slot_has_its_own_key(model: Model) -> None:
    model.key_image = KeyImage(tuple(KeySlot(i, Algorithm.MLKEM, 512, 1, b"") for i in range(1, 17))).build()
    keys = {i: succeed(model, codec.mlkem_keygen(i)) for i in range(1, 17)}
    assert len(set(keys.values())) == 16
    for key_id, encapsulation_key in keys.items():
        ciphertext, secret = encapsulated(model, encapsulation_key)
        assert succeed(model, codec.mlkem_decaps(key_id, ciphertext)) == secret


@pytest.mark.parametrize("key_id", [0, 7, 8, 9, 0x0100_0001, 0xFFFF_FFFF])
def test_ids_that_are_no_mlkem_slot(model: Model, key_id: int) -> None:
    assert model.exchange(codec.mlkem_keygen(key_id), 0).status == Status.KEY_NOT_FOUND
    assert model.exchange(codec.mlkem_decaps(key_id, bytes(768)), 0).status == Status.KEY_NOT_FOUND


def test_rotation_and_removal_forget_the_key(model: Model) -> None:
    rotated = SLOTS.replaced(SLOTS.slot(1).rotated(b"")).build()
    removed = KeyImage(SLOTS.slots[1:]).build()
    for image in (rotated, removed):
        ciphertext, secret = encapsulated(model, keygen(model))
        request = codec.mlkem_decaps(1, ciphertext)
        assert succeed(model, request) == secret
        model.key_image = image
        assert model.exchange(request, 0).status == Status.KEY_NOT_FOUND
        model.key_image = IMAGE
        assert model.exchange(request, 0).status == Status.KEY_NOT_FOUND


def test_corrupt_slot_keeps_the_key(model: Model) -> None:
    ciphertext, secret = encapsulated(model, keygen(model))
    request = codec.mlkem_decaps(1, ciphertext)
    model.key_image = corrupt(IMAGE, 0)
    assert model.exchange(request, 0).status == Status.KEY_NOT_FOUND
    assert model.exchange(codec.mlkem_keygen(1), 0).status == Status.KEY_NOT_FOUND
    model.key_image = IMAGE
    assert succeed(model, request) == secret


def test_reset_forgets_the_key(model: Model) -> None:
    keygen(model)
    model.reset(ENTROPY)
    assert model.exchange(codec.mlkem_decaps(1, bytes(768)), 0).status == Status.KEY_NOT_FOUND


def test_snapshot_holds_the_key(model: Model) -> None:
    empty = model.snapshot()
    ciphertext, secret = encapsulated(model, keygen(model))
    request = codec.mlkem_decaps(1, ciphertext)
    full = model.snapshot()
    keygen(model)
    for state, expected in ((full, secret), (empty, None), (full, secret)):
        model.restore(state)
        response = model.exchange(request, 0)
        assert (response.payload or None) == expected


def test_error_state() -> None:
    model = Model(bytes(48), IMAGE)
    for request in (codec.mlkem_keygen(1), codec.mlkem_encaps(FOREIGN[512]), codec.mlkem_decaps(1, bytes(768))):
        assert model.exchange(request, 0) == Response(Status.CRYPTO_ERROR)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Rotation of ML-DSA and ML-KEM keys (KEY-3): the material as it stands, and generated keys that are forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import shake_256

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import granted, noise, pieces, refused, residue
from harness.conformance.support_pq import (
    MLDSA_SETS,
    MLDSA_SHAPES,
    PUBLIC_KEYS,
    decapsulate,
    draws,
    encapsulate,
    keygen,
    no_key_at_all,
    signed,
    signs,
)
from harness.default_keys import (
    AES_KEY_ID,
    MLDSA_KEY_IDS,
    MLDSA_PUBLIC_KEY_IDS,
    MLDSA_SEEDS,
    MLKEM_KEY_IDS,
    PEER_MLDSA_SEEDS,
    UNKNOWN_KEY_ID,
    mldsa_public_key,
)
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot, encode_slots, mldsa_slot, mlkem_slot

_KEM = MLKEM_KEY_IDS[768]
_NEW_SEED = noise(32, seed=60)


# ---- ML-DSA ----


@pytest.mark.clause("KEY-3", "DSA-1")
@pytest.mark.parametrize("number", MLDSA_SETS)
def test_a_rotated_seed_signs_and_verifies_under_the_new_key(dut: Dut, number: int) -> None:
    """And back: what is remembered of the key is never that of another generation."""
    key_id, old = MLDSA_KEY_IDS[number], MLDSA_SEEDS[number]
    before = granted(dut.mldsa_sign(key_id, b"before"))
    for seed in (_NEW_SEED, old, _NEW_SEED):
        dut.keys.rotate(key_id, seed)
        signs(dut, key_id, number, seed)
        wanted = Status.SUCCESS if seed == old else Status.CRYPTO_ERROR
        assert dut.mldsa_verify(key_id, before, b"before").status is wanted


@pytest.mark.clause("KEY-3", "DSA-1", "DSA-2")
@pytest.mark.parametrize("number", MLDSA_SETS)
def test_material_changed_under_the_same_generation(dut: Dut, number: int) -> None:
    """The storage as it stands counts: another seed, a public key, a seed again."""
    old, public = noise(32, seed=61), mldsa_public_key(number, PEER_MLDSA_SEEDS[number])
    peers = signed(number, PEER_MLDSA_SEEDS[number])
    for material in (old, _NEW_SEED, old, public, old, public, _NEW_SEED):
        dut.keys.replace(KeyImage((mldsa_slot(5, number, material),)))
        if material == public:
            refused(dut.mldsa_sign(5), Status.KEY_NOT_FOUND)
            assert dut.mldsa_verify(5, peers).status is Status.SUCCESS
        else:
            signs(dut, 5, number, material)
            refused(dut.mldsa_verify(5, peers), Status.CRYPTO_ERROR)


@pytest.mark.clause("KEY-3", "DSA-1")
def test_a_seed_that_changes_by_a_bit_is_another_key(dut: Dut) -> None:
    """Under the same generation, at either end of it."""
    seed = MLDSA_SEEDS[44]
    for other in (seed, bytes([seed[0] ^ 1]) + seed[1:], seed, seed[:-1] + bytes([seed[-1] ^ 0x80]), seed):
        dut.keys.replace(KeyImage((mldsa_slot(5, 44, other),)))
        signs(dut, 5, 44, other)


@pytest.mark.clause("KEY-3", "DSA-1")
def test_one_seed_in_all_parameter_sets(dut: Dut) -> None:
    """In one slot in turn, under one generation; and in three slots at once."""
    for number in (*MLDSA_SETS, *MLDSA_SETS[::-1]):
        dut.keys.replace(KeyImage((mldsa_slot(5, number, _NEW_SEED),)))
        signs(dut, 5, number, _NEW_SEED)
    dut.keys.replace(KeyImage(tuple(mldsa_slot(number, number, _NEW_SEED) for number in MLDSA_SETS)))
    for number in (*MLDSA_SETS, *MLDSA_SETS):
        signs(dut, number, number, _NEW_SEED)


@pytest.mark.clause("KEY-3", "DSA-1")
def test_slots_that_change_places_or_ids(dut: Dut) -> None:
    """A key is known by its id, not by where it stands; an id that another key takes over is that key's."""
    first, second = mldsa_slot(5, 44, noise(32, seed=62)), mldsa_slot(6, 44, noise(32, seed=63))
    images = (
        (first, second),
        (second, first),
        (None, replace(first, key_id=6), None, replace(second, key_id=5)),
        (second,),
        (first,),
    )
    for slots in images:
        dut.keys.replace(KeyImage(slots))
        for slot in slots:
            if slot is not None:
                signs(dut, slot.key_id, 44, slot.material)
    no_key_at_all(dut, 6)


# ---- ML-KEM ----


@pytest.fixture
def generated(dut: Dut) -> tuple[Dut, bytes, bytes]:
    """A service whose ML-KEM-768 slot has a key; a ciphertext and its secret."""
    return dut, *encapsulate(dut, 768, keygen(dut, 768))


def _forgotten(dut: Dut, ciphertext: bytes, secret: bytes) -> None:
    """KEY_NOT_FOUND until the next KEYGEN, whose key is another one."""
    refused(dut.mlkem_decaps(_KEM, ciphertext), Status.KEY_NOT_FOUND)
    refused(dut.mlkem_decaps(_KEM, ciphertext[1:]), Status.KEY_NOT_FOUND)
    keygen(dut, 768)
    assert decapsulate(dut, 768, ciphertext) != secret


def _with_kem(dut: Dut, **changes: object) -> None:
    """Write the image with the slot's fields changed, sound or not; the default image stays the one to repair."""
    changed = replace(dut.keys.image.slot(_KEM), **changes)  # type: ignore[arg-type]
    slots = [changed if slot is not None and slot.key_id == _KEM else slot for slot in dut.keys.image.slots]
    dut.keys.write(encode_slots(slots))


@pytest.mark.clause("KEY-3", "KEM-1")
@pytest.mark.parametrize("generation", [0, 2, 0xFFFFFFFF, 0x80000001, 0x00000101, 0x00010001, 0x01000001])
def test_rotation_forgets_the_generated_key(generated: tuple[Dut, bytes, bytes], generation: int) -> None:
    dut, ciphertext, secret = generated
    _with_kem(dut, generation=generation)
    _forgotten(dut, ciphertext, secret)


@pytest.mark.clause("KEY-3", "KEM-1")
@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"parameter_set": 1024},
        {"parameter_set": 769},
        {"algorithm": 2, "parameter_set": 44, "material": bytes(32)},
        {"algorithm": 1, "parameter_set": 256, "material": bytes(32)},
        {"algorithm": 9},
        {"generation": 3, "material": bytes(5)},
    ],
    ids=str,
)
def test_an_identity_that_was_another_for_a_while(
    generated: tuple[Dut, bytes, bytes], change: dict[str, object]
) -> None:
    """Any operation's request for the id is enough to see it, whether or not it finds a key; then there is none."""
    dut, ciphertext, secret = generated
    requests: tuple[Callable[[], object], ...] = (
        lambda: dut.mlkem_decaps(_KEM, ciphertext),
        lambda: dut.aes_encrypt(_KEM),
        lambda: dut.mldsa_sign(_KEM),
        lambda: dut.mldsa_verify(_KEM, bytes(2420)),
    )
    for request in requests:
        _with_kem(dut, **change)
        request()
        dut.keys.repair()
        _forgotten(dut, ciphertext, secret)
        ciphertext, secret = encapsulate(dut, 768, keygen(dut, 768))


@pytest.mark.clause("KEY-3", "KEM-1")
def test_what_no_request_has_seen_has_not_happened(generated: tuple[Dut, bytes, bytes]) -> None:
    """A rotation that is taken back, a removal that is made good; other keys' requests, or early refusals."""
    dut, ciphertext, secret = generated
    _with_kem(dut, generation=2)
    granted(dut.aes_encrypt(AES_KEY_ID))
    signs(dut, MLDSA_KEY_IDS[44], 44, MLDSA_SEEDS[44])
    refused(dut.mlkem_keygen(UNKNOWN_KEY_ID), Status.KEY_NOT_FOUND)
    refused(dut.send(0x20, _KEM.to_bytes(4, "little") + b"\0"), Status.INVALID_PAYLOAD)
    refused(dut.send(0x22, _KEM.to_bytes(4, "little")[:3]), Status.INVALID_PAYLOAD)
    refused(dut.send(0x22, _KEM.to_bytes(4, "little") + ciphertext, magic=0), Status.INVALID_HEADER)
    dut.keys.write(KeyImage().build())
    refused(dut.send(0x22, _KEM.to_bytes(4, "little")[:3]), Status.INVALID_PAYLOAD)
    refused(dut.send(0x22, _KEM.to_bytes(4, "little"), payload_length=65537), Status.PAYLOAD_TOO_LARGE)
    encapsulate(dut, 512, bytes(800))
    dut.keys.repair()
    assert decapsulate(dut, 768, ciphertext) == secret


@pytest.mark.clause("KEY-3", "KEM-1")
@pytest.mark.parametrize("asked", ["its own", "another", "none", "an AES key", "a signature"])
def test_a_slot_that_was_removed_comes_back_empty(generated: tuple[Dut, bytes, bytes], asked: str) -> None:
    """Once any request that needs a key has seen the storage without it."""
    dut, ciphertext, secret = generated
    without = KeyImage(tuple(slot for slot in dut.keys.image.slots if slot is None or slot.key_id != _KEM))
    dut.keys.write(without.build())
    requests: dict[str, Callable[[], object]] = {
        "its own": lambda: dut.mlkem_decaps(_KEM, ciphertext),
        "another": lambda: dut.mlkem_keygen(MLKEM_KEY_IDS[512]),
        "none": lambda: dut.mlkem_keygen(0),
        "an AES key": lambda: dut.aes_encrypt(AES_KEY_ID),
        "a signature": lambda: dut.mldsa_verify(MLDSA_PUBLIC_KEY_IDS[44], bytes(2420)),
    }
    requests[asked]()
    dut.keys.repair()
    _forgotten(dut, ciphertext, secret)


@pytest.mark.clause("KEY-3", "KEM-1")
def test_the_same_generation_is_no_rotation(generated: tuple[Dut, bytes, bytes]) -> None:
    """The image written again, slots moved, other keys added, removed and rotated round it; material of no use."""
    dut, ciphertext, secret = generated
    slot = dut.keys.image.slot(_KEM)
    images: tuple[tuple[KeySlot | None, ...], ...] = (
        dut.keys.image.slots[::-1],
        (None,) * 15 + (slot,),
        (slot, mlkem_slot(7, 768, 9), mldsa_slot(8, 44, _NEW_SEED)),
        (mlkem_slot(7, 768, 10), slot),
        (mldsa_slot(7, 44, _NEW_SEED), mldsa_slot(8, 44, _NEW_SEED, 2), slot),
    )
    for slots in images:
        dut.keys.write(KeyImage(slots).build())
        assert decapsulate(dut, 768, ciphertext) == secret
        for other in slots:
            if other is not None and other is not slot:
                dut.mlkem_keygen(other.key_id)
        assert decapsulate(dut, 768, ciphertext) == secret
    _with_kem(dut, material=bytes(32))
    refused(dut.mlkem_decaps(_KEM, ciphertext), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    assert decapsulate(dut, 768, ciphertext) == secret


# ---- what is forgotten is wiped ----


def _seed_secrets(number: int, seed: bytes) -> list[bytes]:
    """The seed, and what signing keeps of it: rho' and K (FIPS 204, algorithm 6, line 1)."""
    shape = MLDSA_SHAPES[number]
    return pieces(seed, 1) + pieces(shake_256(seed + bytes([shape.k, shape.l])).digest(128)[32:], 1)


@pytest.mark.clause("KEY-3", "IPC-5")
@pytest.mark.parametrize("number", MLDSA_SETS)
@pytest.mark.parametrize("becomes", ["another seed", "a public key", "an ML-KEM slot", "nothing"])
def test_nothing_of_a_rotated_seed_stays_in_memory(dut: Dut, number: int, becomes: str) -> None:
    """Once a request for the id has seen what has become of it."""
    old = mldsa_slot(5, number, noise(32, seed=64))
    dut.keys.replace(KeyImage((old, None)))
    granted(dut.mldsa_sign(5))
    new = {
        "another seed": old.rotated(_NEW_SEED),
        "a public key": old.rotated(PUBLIC_KEYS[MLDSA_PUBLIC_KEY_IDS[number]]),
        "an ML-KEM slot": mlkem_slot(5, 512, 2),
        "nothing": None,
    }[becomes]
    dut.keys.replace(KeyImage((new, None)))
    dut.mldsa_sign(5)
    assert residue(dut, _seed_secrets(number, old.material)) == []


@pytest.mark.clause("KEY-3", "IPC-5")
@pytest.mark.parametrize("becomes", ["rotated", "another set", "a seed", "nothing"])
def test_nothing_of_a_rotated_mlkem_key_stays_in_memory(dut: Dut, becomes: str) -> None:
    """Neither d nor z of the draw that it was made of."""
    dut.keys.replace(KeyImage((mlkem_slot(5, 1024),)))
    keygen(dut, 1024, 5)
    secrets = pieces(draws().draw(64), 1)
    new = {
        "rotated": mlkem_slot(5, 1024, 2),
        "another set": mlkem_slot(5, 512),
        "a seed": mldsa_slot(5, 44, _NEW_SEED),
        "nothing": None,
    }[becomes]
    dut.keys.replace(KeyImage((new,)))
    refused(dut.mlkem_decaps(5, bytes(1568)), Status.KEY_NOT_FOUND)
    assert residue(dut, secrets) == []

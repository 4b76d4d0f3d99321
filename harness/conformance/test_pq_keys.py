# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA and ML-KEM slots in the key storage (KEY-1, KEY-2): what is a key, and how far damage reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import next_nonce, noise, refused
from harness.conformance.support_pq import (
    MLDSA_SETS,
    MLKEM_SETS,
    PUBLIC_KEYS,
    decapsulate,
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
)
from harness.protocol import key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, SlotPart, encode_slots, mldsa_slot, mlkem_slot

_KEM = MLKEM_KEY_IDS[768]


# ---- KEY-1 ----


@pytest.mark.clause("KEY-1", "DSA-1")
def test_sixteen_seeds(dut: Dut) -> None:
    """Of all sets, in turn and in leaps: each slot signs under its own seed."""
    slots = tuple(mldsa_slot(0x100 + index, MLDSA_SETS[index % 3], noise(32, seed=70 + index)) for index in range(16))
    dut.keys.replace(KeyImage(slots))
    for slot in (*slots, *slots[15::-7]):
        signs(dut, slot.key_id, slot.parameter_set, slot.material)


@pytest.mark.clause("KEY-1", "KEM-1")
def test_generated_keys_stay_whatever_else_is_used(dut: Dut) -> None:
    """Sixteen slots, of which every other one uses up what a service may want to keep at hand."""
    kems = tuple(mlkem_slot(0x10 + index, MLKEM_SETS[index % 3]) for index in range(4))
    seeds = tuple(mldsa_slot(0x20 + index, MLDSA_SETS[index % 3], noise(32, seed=index)) for index in range(8))
    aes = tuple(key_image.aes_slot(0x30 + index, noise(32, seed=index)) for index in range(4))
    dut.keys.replace(KeyImage((*seeds[:4], *kems, *aes, *seeds[4:])))
    messages = [encapsulate(dut, slot.parameter_set, keygen(dut, slot.parameter_set, slot.key_id)) for slot in kems]
    for slot in seeds:
        signs(dut, slot.key_id, slot.parameter_set, slot.material)
    for slot in aes:
        next_nonce(dut, slot.key_id)
    for slot, (ciphertext, secret) in zip(kems, messages, strict=True):
        assert decapsulate(dut, slot.parameter_set, ciphertext, slot.key_id) == secret


@pytest.mark.clause("KEY-1", "DSA-2")
def test_each_operation_has_keys_of_its_own(dut: Dut) -> None:
    """Every slot of the default image with every operation: KEY_NOT_FOUND but where algorithm and content fit."""
    for slot in dut.keys.image.slots:
        if slot is None:
            continue
        answers = {
            "sign": dut.mldsa_sign(slot.key_id).status,
            "verify": dut.mldsa_verify(slot.key_id, bytes(2420)).status,
            "keygen": dut.mlkem_keygen(slot.key_id).status,
            "encrypt": dut.aes_encrypt(slot.key_id).status,
            "decrypt": dut.aes_decrypt(slot.key_id, bytes(12), b"", bytes(16)).status,
        }
        seed = slot.algorithm == 2 and len(slot.material) == 32
        found = {name for name, status in answers.items() if status is not Status.KEY_NOT_FOUND}
        wanted = {1: {"encrypt", "decrypt"}, 2: {"sign", "verify"} if seed else {"verify"}, 3: {"keygen"}}
        assert found == wanted[slot.algorithm], f"key {slot.key_id:#x}"


@pytest.mark.clause("KEY-1")
@pytest.mark.parametrize("number", MLDSA_SETS)
def test_intact_slots_that_hold_no_mldsa_key(dut: Dut, number: int) -> None:
    """The digest matches; algorithm, parameter set and the material's length do not go together."""
    sound = mldsa_slot(5, number, MLDSA_SEEDS[number])
    public = len(PUBLIC_KEYS[MLDSA_PUBLIC_KEY_IDS[number]])
    lengths = {0, 1, 16, 31, 33, 64, public - 1, public + 1, 1312, 1952, 2592} - {public}
    bad = [replace(sound, material=bytes(length)) for length in sorted(lengths) if length <= 2592]
    bad += [replace(sound, parameter_set=wrong) for wrong in (0, number - 1, number + 1, 256, 512, number | 0x100)]
    bad += [replace(sound, algorithm=wrong) for wrong in (0, 3, 4, 0x0102, 0x0200)]
    for slot in bad:
        dut.keys.write(encode_slots((slot, dut.keys.image.slot(MLKEM_KEY_IDS[512]))))
        no_key_at_all(dut, 5)
    keygen(dut, 512)
    dut.keys.write(encode_slots((sound,)))
    signs(dut, 5, number, sound.material)


@pytest.mark.clause("KEY-1")
@pytest.mark.parametrize("number", MLKEM_SETS)
def test_intact_slots_that_hold_no_mlkem_key(dut: Dut, number: int) -> None:
    sound = mlkem_slot(5, number)
    bad = [replace(sound, material=bytes(length)) for length in (1, 32, 64, 800, 1632, 2592)]
    bad += [replace(sound, parameter_set=wrong) for wrong in (0, 44, 256, number - 1, number + 1, number & 0xFF)]
    bad += [replace(sound, algorithm=wrong) for wrong in (0, 2, 4, 0x0103, 0x0300)]
    for slot in bad:
        dut.keys.write(encode_slots((slot, None)))
        no_key_at_all(dut, 5)
    dut.keys.write(encode_slots((sound,)))
    keygen(dut, number, 5)


# ---- KEY-2 ----


@pytest.mark.clause("KEY-2")
@pytest.mark.parametrize(
    "part", ["key_id", "algorithm", "parameter_set", "generation", "material_length", "material", "digest"]
)
def test_a_damaged_slot_is_not_found_and_the_others_work(dut: Dut, part: SlotPart) -> None:
    """A seed, a public key, an ML-KEM slot; which have no effect on each other, and work once repaired."""
    seed_id, public_id = MLDSA_KEY_IDS[44], MLDSA_PUBLIC_KEY_IDS[44]
    signature = signed(44, PEER_MLDSA_SEEDS[44])
    ciphertext, secret = encapsulate(dut, 768, keygen(dut, 768))
    for damaged in (seed_id, public_id):
        dut.keys.corrupt(damaged, part)
        no_key_at_all(dut, damaged)
        if damaged != public_id:
            assert dut.mldsa_verify(public_id, signature).status is Status.SUCCESS
        if damaged != seed_id:
            signs(dut, seed_id, 44, MLDSA_SEEDS[44])
        assert decapsulate(dut, 768, ciphertext) == secret
        dut.keys.repair()
    if part != "material":
        dut.keys.corrupt(_KEM, part)
        no_key_at_all(dut, _KEM)
        signs(dut, seed_id, 44, MLDSA_SEEDS[44])
        dut.keys.repair()
    signs(dut, seed_id, 44, MLDSA_SEEDS[44])
    assert dut.mldsa_verify(public_id, signature).status is Status.SUCCESS


@pytest.mark.clause("KEY-2")
@pytest.mark.parametrize("number", MLDSA_SETS)
def test_every_part_of_long_material_is_under_the_digest(dut: Dut, number: int) -> None:
    key_id = MLDSA_PUBLIC_KEY_IDS[number]
    signature = signed(number, PEER_MLDSA_SEEDS[number])
    slots = dut.keys.image.slots
    index = next(i for i, slot in enumerate(slots) if slot is not None and slot.key_id == key_id)
    start, size = key_image.slot_offset(index) + 16, len(PUBLIC_KEYS[key_id])
    sound = dut.keys.raw
    for place in (0, 31, 32, size // 2, size - 33, size - 1, size, size + 31):
        damaged = bytearray(sound)
        damaged[start + place] ^= 0x10
        dut.keys.write(bytes(damaged))
        refused(dut.mldsa_verify(key_id, signature), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    assert dut.mldsa_verify(key_id, signature).status is Status.SUCCESS


def _damage_image(name: str) -> Callable[[Dut], None]:
    """Make the image one that does not parse."""

    def write(dut: Dut) -> None:
        raw = dut.keys.raw
        slot = dut.keys.image.slot(_KEM)
        dut.keys.write(
            {
                "magic": b"\0" + raw[1:],
                "version": raw[:4] + b"\x02" + raw[5:],
                "slot_count": raw[:6] + b"\x11" + raw[7:],
                "reserved": raw[:8] + b"\x01" + raw[9:],
                "duplicate": encode_slots((slot, slot)),
                "five AES keys": encode_slots([key_image.aes_slot(index, bytes(32)) for index in range(1, 6)]),
                "everything": bytes(len(raw)),
            }[name]
        )

    return write


def _damage_slot(part: SlotPart) -> Callable[[Dut], None]:
    return lambda dut: dut.keys.corrupt(_KEM, part)


_DAMAGE: dict[str, Callable[[Dut], None]] = {
    name: _damage_image(name)
    for name in ("magic", "version", "slot_count", "reserved", "duplicate", "five AES keys", "everything")
} | {
    "slot's digest": _damage_slot("digest"),
    "slot's generation, digest stale": _damage_slot("generation"),
    "slot's algorithm, digest stale": _damage_slot("algorithm"),
    "slot's parameter set, digest stale": _damage_slot("parameter_set"),
    "slot's material_length": _damage_slot("material_length"),
}


@pytest.mark.clause("KEY-2", "KEM-1")
@pytest.mark.parametrize("name", list(_DAMAGE))
def test_damage_and_repair_leave_a_generated_key(dut: Dut, name: str) -> None:
    """A slot that is not intact says nothing, an image that does not parse says nothing of any key."""
    ciphertext, secret = encapsulate(dut, 768, keygen(dut, 768))
    for _ in range(2):
        _DAMAGE[name](dut)
        refused(dut.mlkem_decaps(_KEM, ciphertext), Status.KEY_NOT_FOUND)
        refused(dut.mlkem_keygen(_KEM), Status.KEY_NOT_FOUND)
        dut.aes_encrypt(AES_KEY_ID)
        dut.keys.repair()
        assert decapsulate(dut, 768, ciphertext) == secret

# SPDX-License-Identifier: GPL-2.0-or-later
"""Key storage (KEY-1, KEY-2): what a sound image is, and how far damage reaches."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha3_256
from typing import Any

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    KEYS,
    bit_flips,
    change_name,
    granted,
    next_nonce,
    noise,
    nonce_number,
    open_outside,
    refused,
    seal_outside,
)
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID
from harness.protocol import key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot, SlotPart, aes_slot, encode_slots

_STRIDE = 2640
_HEADER = 16

# A key of each of the other algorithms (KEY-1): seeds, public keys, empty ML-KEM slots.
_OTHERS = (
    KeySlot(0x101, 2, 44, 1, noise(32)),
    KeySlot(0x102, 2, 65, 1, noise(32)),
    KeySlot(0x103, 2, 87, 1, noise(32)),
    KeySlot(0x104, 2, 44, 1, noise(1312)),
    KeySlot(0x105, 2, 65, 1, noise(1952)),
    KeySlot(0x106, 2, 87, 1, noise(2592)),
    KeySlot(0x107, 3, 512, 1, b""),
    KeySlot(0x108, 3, 768, 1, b""),
    KeySlot(0x109, 3, 1024, 1, b""),
)


def _slot(key_id: int = AES_KEY_ID, **changes: Any) -> KeySlot:
    return replace(aes_slot(key_id, KEYS[key_id]), **changes)


def _works(dut: Dut, key_id: int, key: bytes) -> None:
    """The key seals, under its own material, and opens."""
    text = noise(40, seed=key_id)
    sealed = dut.seal(key_id, text)
    assert open_outside(key, sealed) == text
    assert granted(dut.aes_decrypt(key_id, *sealed)) == text


def _missing(dut: Dut, key_id: int) -> None:
    """KEY_NOT_FOUND for both operations."""
    refused(dut.aes_encrypt(key_id, b"text"), Status.KEY_NOT_FOUND)
    refused(dut.aes_decrypt(key_id, nonce_number(1), b"text", bytes(16)), Status.KEY_NOT_FOUND)


# ---- KEY-1: sound images ----


@pytest.mark.clause("KEY-1")
def test_an_image_written_by_hand(dut: Dut) -> None:
    """Byte by byte, as the tables have it; the digest by Python's own SHA3-256."""
    key = noise(32, seed=30)
    body = bytes.fromhex("efbeadde 0100 0001 78563412 20000000") + key
    image = bytes.fromhex("48494c4b 0100 0100 0000000000000000") + body + sha3_256(body).digest()
    dut.keys.write(image)
    _works(dut, 0xDEADBEEF, key)
    _missing(dut, AES_KEY_ID)


@pytest.mark.clause("KEY-1")
@pytest.mark.parametrize("index", range(16))
def test_a_key_in_any_slot(dut: Dut, index: int) -> None:
    """Alone in an image whose other slots are empty, and behind the last counted slot, where it does not exist."""
    slots: list[KeySlot | None] = [None] * 16
    slots[index] = _slot()
    for count in range(17):
        dut.keys.write(encode_slots(slots, count))
        if count > index:
            _works(dut, AES_KEY_ID, KEYS[AES_KEY_ID])
        else:
            _missing(dut, AES_KEY_ID)


@pytest.mark.clause("KEY-1")
def test_sixteen_slots_of_every_kind(dut: Dut) -> None:
    """Four AES keys between keys of the other algorithms; those have no AES operation."""
    keys = {key_id: noise(32, seed=key_id) for key_id in (1, 2, 0x80000000, 0xFFFFFFFF)}
    slots = [aes_slot(key_id, key) for key_id, key in keys.items()]
    more = KeySlot(0x10A, 3, 512, 9, b"")
    dut.keys.replace(KeyImage((*_OTHERS[:5], *slots[:2], *_OTHERS[5:], more, None, *slots[2:])[:16]))
    for _ in range(3):
        for key_id, key in keys.items():
            if key_id in {slot.key_id for slot in dut.keys.image.slots if slot}:
                _works(dut, key_id, key)
        for other in _OTHERS:
            _missing(dut, other.key_id)


@pytest.mark.clause("KEY-1")
def test_an_empty_image(dut: Dut) -> None:
    for image in (KeyImage(), KeyImage((None,) * 16)):
        dut.keys.replace(image)
        for key_id in (0, 1, 2, 0xFFFFFFFF):
            _missing(dut, key_id)


@pytest.mark.clause("KEY-1", "KEY-3")
def test_key_id_0_is_never_valid(dut: Dut) -> None:
    """Not even in a slot that is sound in every other respect. Any number of those is no duplicate."""
    nobody = _slot(key_id=AES_KEY_ID)
    slots = [replace(nobody, key_id=0)] * 15 + [_slot()]
    dut.keys.write(encode_slots(slots))
    _missing(dut, 0)
    _works(dut, AES_KEY_ID, KEYS[AES_KEY_ID])


@pytest.mark.clause("KEY-1")
def test_key_ids_have_32_bits(dut: Dut) -> None:
    for bit in range(32):
        dut.keys.replace(KeyImage((aes_slot(1 << bit, noise(32)),)))
        _works(dut, 1 << bit, noise(32))
        for other in (1 << (bit + 1) % 32, 1 << bit | 1 << (bit + 7) % 32, 0):
            _missing(dut, other)


@pytest.mark.clause("KEY-1")
def test_bytes_behind_the_digest_are_outside_the_slot(dut: Dut) -> None:
    image = bytearray(dut.keys.raw)
    for index in range(16):
        used = _HEADER + _STRIDE * index + (80 if index in (0, 2) else 4)
        image[used : _HEADER + _STRIDE * (index + 1)] = noise(_HEADER + _STRIDE * (index + 1) - used)
    image[_HEADER + _STRIDE * 16 :] = noise(len(image) - _HEADER - _STRIDE * 16)
    dut.keys.write(bytes(image))
    for key_id, key in KEYS.items():
        _works(dut, key_id, key)


@pytest.mark.clause("KEY-1")
@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": 0},
        {"algorithm": 2},
        {"algorithm": 3},
        {"algorithm": 0x0101},
        {"parameter_set": 0},
        {"parameter_set": 128},
        {"parameter_set": 255},
        {"parameter_set": 512},
        {"material": b""},
        {"material": bytes(16)},
        {"material": bytes(31)},
        {"material": bytes(33)},
        {"material": bytes(64)},
        {"material": bytes(2592)},
    ],
    ids=change_name,
)
def test_an_intact_slot_that_holds_no_aes_256_key(dut: Dut, change: dict[str, Any]) -> None:
    """The digest matches; what it covers is not what the operation needs."""
    dut.keys.write(encode_slots((_slot(**change), _slot(SECOND_AES_KEY_ID))))
    _missing(dut, AES_KEY_ID)
    _works(dut, SECOND_AES_KEY_ID, KEYS[SECOND_AES_KEY_ID])


@pytest.mark.clause("KEY-1")
def test_a_fifth_aes_key_makes_the_image_unparsable(dut: Dut) -> None:
    """Wherever it is, intact or not. One with id 0, or behind the last counted slot, is none."""
    five = [aes_slot(key_id, noise(32, seed=key_id)) for key_id in (1, 2, 3, 4, 5)]
    dut.keys.write(encode_slots(five))
    for key_id in (1, 2, 3, 4, 5):
        _missing(dut, key_id)
    dut.keys.write(key_image.corrupt(encode_slots([None, five[4], *five[:4]]), 1))
    for key_id in (1, 2, 3, 4, 5):
        _missing(dut, key_id)
    for image in (encode_slots(five, 4), encode_slots([*five[:4], replace(five[4], key_id=0)])):
        dut.keys.write(image)
        for key_id in (4, 3, 2, 1):
            _works(dut, key_id, noise(32, seed=key_id))
        _missing(dut, 5)


@pytest.mark.clause("KEY-1")
def test_an_aes_key_that_finds_no_place_is_not_found(dut: Dut) -> None:
    """Four keys are remembered; while their ids stay in the storage, under another algorithm, a fifth has no place."""
    four = [aes_slot(key_id, noise(32, seed=key_id)) for key_id in (1, 2, 3, 4)]
    dut.keys.replace(KeyImage(tuple(four)))
    for key_id in (1, 2, 3, 4):
        next_nonce(dut, key_id)
    changed = tuple(KeySlot(slot.key_id, 3, 512, 1, b"") for slot in four)
    dut.keys.replace(KeyImage((*changed, aes_slot(5, noise(32, seed=5)))))
    _missing(dut, 5)
    _missing(dut, 2)
    _works(dut, 5, noise(32, seed=5))


# ---- KEY-2: damage ----


@pytest.mark.clause("KEY-2")
@pytest.mark.parametrize(
    "part", ["key_id", "algorithm", "parameter_set", "generation", "material_length", "material", "digest"]
)
def test_key_2_a_damaged_slot_is_not_found_and_the_others_work(dut: Dut, part: SlotPart) -> None:
    for key_id, other in ((AES_KEY_ID, SECOND_AES_KEY_ID), (SECOND_AES_KEY_ID, AES_KEY_ID)):
        dut.keys.corrupt(key_id, part)
        _missing(dut, key_id)
        _works(dut, other, KEYS[other])
        dut.keys.repair()
        _works(dut, key_id, KEYS[key_id])


@pytest.mark.clause("KEY-2")
@pytest.mark.parametrize(("key_id", "index"), [(AES_KEY_ID, 0), (SECOND_AES_KEY_ID, 2)])
def test_every_bit_of_a_slot_counts(dut: Dut, key_id: int, index: int) -> None:
    """All 640 of them."""
    start = _HEADER + _STRIDE * index
    other = SECOND_AES_KEY_ID if key_id == AES_KEY_ID else AES_KEY_ID
    sound = dut.keys.raw
    for bit, changed in bit_flips(sound[start : start + 80]):
        dut.keys.write(sound[:start] + changed + sound[start + 80 :])
        assert dut.aes_encrypt(key_id).status is Status.KEY_NOT_FOUND, f"bit {bit}"
        assert dut.aes_encrypt(int.from_bytes(changed[:4], "little")).status is Status.KEY_NOT_FOUND, f"bit {bit}"
        assert dut.aes_encrypt(other).status is Status.SUCCESS, f"bit {bit}"


@pytest.mark.clause("KEY-2")
def test_a_digest_covers_every_byte_of_long_material(dut: Dut) -> None:
    """Of a slot that no AES operation opens, damage shows only in that the others are spared."""
    dut.keys.replace(KeyImage((*_OTHERS, _slot(), None, _slot(SECOND_AES_KEY_ID))))
    sound = dut.keys.raw
    for place in range(0, 2640 * 9, 97):
        dut.keys.write(sound[: _HEADER + place] + noise(1, seed=place) + sound[_HEADER + place + 1 :])
        _works(dut, AES_KEY_ID, KEYS[AES_KEY_ID])


@pytest.mark.clause("KEY-2")
def test_every_bit_of_the_image_header_counts(dut: Dut) -> None:
    """Magic, version, reserved bytes, a count over 16: every id is KEY_NOT_FOUND. A lower count hides slots."""
    sound = dut.keys.raw
    for bit, changed in bit_flips(sound[:16]):
        dut.keys.write(changed + sound[16:])
        count = int.from_bytes(changed[6:8], "little")
        parses = 48 <= bit < 64 and count <= 16
        for key_id, index in ((AES_KEY_ID, 0), (SECOND_AES_KEY_ID, 2)):
            wanted = Status.SUCCESS if parses and index < count else Status.KEY_NOT_FOUND
            assert dut.aes_encrypt(key_id).status is wanted, f"bit {bit}, key {key_id}"
        dut.keys.repair()
        assert dut.aes_encrypt(AES_KEY_ID).status is Status.SUCCESS


@pytest.mark.clause("KEY-2")
def test_every_slot_count(dut: Dut) -> None:
    slots = [None] * 15 + [_slot()]
    for count in (*range(20), 31, 32, 0x0110, 0x8000, 0xFFFF):
        dut.keys.write(encode_slots(slots, count))
        if count == 16:
            _works(dut, AES_KEY_ID, KEYS[AES_KEY_ID])
        else:
            _missing(dut, AES_KEY_ID)


@pytest.mark.clause("KEY-2")
@pytest.mark.parametrize("version", [0, 2, 0x0100, 0x0101, 0xFFFF])
def test_another_image_version_does_not_parse(dut: Dut, version: int) -> None:
    dut.keys.write(dut.keys.raw[:4] + version.to_bytes(2, "little") + dut.keys.raw[6:])
    for key_id in KEYS:
        _missing(dut, key_id)


@pytest.mark.clause("KEY-2", "KEY-3")
@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 15), (7, 8), (14, 15)])
def test_duplicate_ids_make_the_image_unparsable(dut: Dut, first: int, second: int) -> None:
    """Whatever the two slots hold, intact or not; behind the last counted slot, none is a duplicate."""
    for twin in (_slot(), _slot(generation=5), KeySlot(AES_KEY_ID, 3, 512, 1, b""), KeySlot(AES_KEY_ID, 9, 9, 1, b"")):
        slots: list[KeySlot | None] = [None] * 16
        slots[first], slots[second] = _slot(), twin
        slots[3] = _slot(SECOND_AES_KEY_ID)
        for image in (encode_slots(slots), key_image.corrupt(encode_slots(slots), second, "digest")):
            dut.keys.write(image)
            _missing(dut, AES_KEY_ID)
            _missing(dut, SECOND_AES_KEY_ID)
        dut.keys.write(encode_slots(slots, second))
        _works(dut, AES_KEY_ID, KEYS[AES_KEY_ID])


@pytest.mark.clause("KEY-2")
@pytest.mark.parametrize(
    "length",
    [0, 31, 33, 2591, 2592, 2593, 2608, 2640, 45056, 2**31 - 1, 2**31, *(2**32 - back for back in (64, 48, 16, 1))],
)
def test_a_material_length_that_lies(dut: Dut, length: int) -> None:
    """In the first slot and in the last, where reading on would leave the storage."""
    for index in (0, 15):
        slots: list[KeySlot | None] = [None] * 16
        slots[index], slots[7] = _slot(), _slot(SECOND_AES_KEY_ID)
        image = bytearray(encode_slots(slots))
        place = _HEADER + _STRIDE * index + 12
        image[place : place + 4] = length.to_bytes(4, "little")
        dut.keys.write(bytes(image))
        _missing(dut, AES_KEY_ID)
        _works(dut, SECOND_AES_KEY_ID, KEYS[SECOND_AES_KEY_ID])


@pytest.mark.clause("KEY-2")
def test_storage_is_judged_anew_by_each_request(dut: Dut) -> None:
    """Damage shows at the next request, repair as well, fifty times over."""
    for _ in range(50):
        dut.keys.corrupt(AES_KEY_ID)
        refused(dut.aes_encrypt(AES_KEY_ID), Status.KEY_NOT_FOUND)
        granted(dut.aes_encrypt(SECOND_AES_KEY_ID))
        dut.keys.write(b"")
        refused(dut.aes_encrypt(SECOND_AES_KEY_ID), Status.KEY_NOT_FOUND)
        dut.keys.repair()
        granted(dut.aes_encrypt(AES_KEY_ID))


@pytest.mark.clause("KEY-2")
def test_damage_at_boot_is_not_final(dut: Dut) -> None:
    dut.keys.write(noise(4096))
    dut.boot()
    for key_id in KEYS:
        _missing(dut, key_id)
    dut.keys.repair()
    for key_id, key in KEYS.items():
        _works(dut, key_id, key)
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(1), *seal_outside(AES_KEY_ID, nonce_number(1)))) == b""

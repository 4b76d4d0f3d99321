# SPDX-License-Identifier: GPL-2.0-or-later
"""Rotation (KEY-3): what restarts a key's tracker and counter, and what leaves them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    KEYS,
    change_name,
    granted,
    next_nonce,
    noise,
    nonce_number,
    open_outside,
    pieces,
    refused,
    residue,
    seal_outside,
    set_encryptions,
    set_recorded,
    state_of,
)
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot, aes_slot, digest, encode_slots

_USED = nonce_number(1)
_OTHER_KEY = noise(32, seed=40)


@pytest.fixture
def used(dut: Dut) -> Dut:
    """Both keys have seen `_USED`."""
    for key_id in KEYS:
        granted(dut.aes_decrypt(key_id, _USED, *seal_outside(key_id, _USED)))
    return dut


def _remembers(dut: Dut, key_id: int = AES_KEY_ID) -> None:
    """The tracker knows `_USED` still."""
    refused(dut.aes_decrypt(key_id, _USED, *seal_outside(key_id, _USED)), Status.NONCE_REUSE)


def _forgot(dut: Dut, key_id: int = AES_KEY_ID) -> None:
    """The tracker has restarted; and goes on to work."""
    granted(dut.aes_decrypt(key_id, _USED, *seal_outside(key_id, _USED)))
    _remembers(dut, key_id)


def _first(**changes: Any) -> KeyImage:
    """The default image with its first slot changed."""
    first = replace(aes_slot(AES_KEY_ID, KEYS[AES_KEY_ID]), **changes)
    return KeyImage((first, None, aes_slot(SECOND_AES_KEY_ID, KEYS[SECOND_AES_KEY_ID], generation=7)))


@pytest.mark.clause("KEY-3")
@pytest.mark.parametrize("generation", [2, 3, 0, 0xFFFFFFFF, 0x80000001, 0x00000101, 0x00010001, 0x01000001])
def test_any_other_generation_rotates(used: Dut, generation: int) -> None:
    """Up, down, by any byte of it; each change in its turn, back to the first as well."""
    for _ in range(3):
        used.keys.replace(_first(generation=generation))
        _forgot(used)
        _remembers(used, SECOND_AES_KEY_ID)
        used.keys.replace(_first())
        _forgot(used)
        _remembers(used, SECOND_AES_KEY_ID)


@pytest.mark.clause("KEY-3")
def test_a_generation_that_goes_down_rotates(used: Dut) -> None:
    for generation in (9, 8, 7, 2, 1, 0, 0xFFFFFFFF, 0xFFFFFFFE, 0):
        used.keys.replace(_first(generation=generation))
        _forgot(used)


@pytest.mark.clause("KEY-3")
def test_the_new_material_is_used(used: Dut) -> None:
    for number in range(10):
        key = noise(32, seed=50 + number)
        used.keys.rotate(AES_KEY_ID, key)
        sealed = used.seal(AES_KEY_ID, b"under the new key")
        assert open_outside(key, sealed) == b"under the new key"
        assert granted(used.aes_decrypt(AES_KEY_ID, *sealed)) == b"under the new key"
        old = seal_outside(AES_KEY_ID, nonce_number(100 + number))
        refused(used.aes_decrypt(AES_KEY_ID, nonce_number(100 + number), *old), Status.DECRYPTION_FAILED)


@pytest.mark.clause("KEY-3")
def test_neither_key_material_stays_in_memory(used: Dut) -> None:
    """What was cached of the old key is wiped; the new one is not left lying about either."""
    used.keys.rotate(AES_KEY_ID, _OTHER_KEY)
    next_nonce(used)
    assert residue(used, pieces(KEYS[AES_KEY_ID], 1)) == []
    assert residue(used, pieces(_OTHER_KEY, 1)) == []


@pytest.mark.clause("KEY-3", "AES-2")
def test_rotation_restarts_the_encryption_counter(dut: Dut) -> None:
    for key_id in KEYS:
        next_nonce(dut, key_id)
        set_encryptions(dut, key_id, 2**32)
    dut.keys.rotate(AES_KEY_ID)
    next_nonce(dut)
    refused(dut.aes_encrypt(SECOND_AES_KEY_ID), Status.NONCE_REUSE)
    set_encryptions(dut, AES_KEY_ID, 2**32 - 1)
    next_nonce(dut)
    refused(dut.aes_encrypt(AES_KEY_ID), Status.NONCE_REUSE)


@pytest.mark.clause("KEY-3", "NON-4")
def test_rotation_restarts_the_count_of_recorded_nonces(used: Dut) -> None:
    for key_id in KEYS:
        set_recorded(used, key_id, 1_000_000)
        refused(used.aes_decrypt(key_id, bytes(12), *seal_outside(key_id, bytes(12))), Status.NONCE_REUSE)
    used.keys.rotate(AES_KEY_ID)
    _forgot(used)
    refused(used.aes_decrypt(SECOND_AES_KEY_ID, bytes(12), b"", bytes(16)), Status.NONCE_REUSE)


@pytest.mark.clause("KEY-3", "NON-4")
def test_the_count_of_recorded_nonces_restarts_at_nothing(used: Dut) -> None:
    """A rotated key has a whole window before it, as a new one has."""
    for _ in range(3):
        used.keys.rotate(AES_KEY_ID)
        next_nonce(used)
        assert used.emulated.peek(f"{state_of(used, AES_KEY_ID)}.tracker.recorded") == 0
        _forgot(used)
        assert used.emulated.peek(f"{state_of(used, AES_KEY_ID)}.tracker.recorded") == 1


@pytest.mark.clause("KEY-3")
def test_a_refused_decryption_rotates_too(used: Dut) -> None:
    """Every request that reaches the key check judges the storage, whatever becomes of it afterwards."""
    used.keys.replace(_first(generation=2))
    refused(used.aes_decrypt(AES_KEY_ID, nonce_number(9), b"", bytes(16)), Status.DECRYPTION_FAILED)
    used.keys.replace(_first())
    _forgot(used)


@pytest.mark.clause("KEY-3", "AES-2")
def test_counters_of_new_and_rotated_keys_start_at_nothing(dut: Dut) -> None:
    """Where one starts at 1, the last of the 2^32 encryptions is lost."""
    for _ in range(3):
        for count in range(1, 5):
            next_nonce(dut)
            assert dut.emulated.peek(f"{state_of(dut, AES_KEY_ID)}.encryptions") == count
        dut.keys.rotate(AES_KEY_ID)


@pytest.mark.clause("KEY-3")
def test_the_same_generation_is_no_rotation(used: Dut) -> None:
    """The image written again, slots moved, other keys added, removed and rotated round it."""
    first, second = used.keys.image.slots[0], used.keys.image.slots[2]
    assert first is not None
    assert second is not None
    more = aes_slot(3, noise(32)), aes_slot(4, noise(32))
    images: Iterable[tuple[KeySlot | None, ...]] = (
        (first, None, second),
        (second, first),
        (None,) * 14 + (first, second),
        (*more, second, KeySlot(9, 3, 512, 1, b""), first),
        (more[1], first, second, more[0]),
        (first, second.rotated(KEYS[SECOND_AES_KEY_ID])),
    )
    for slots in images:
        used.keys.replace(KeyImage(slots))
        _remembers(used)
        for slot in slots:
            if slot is not None and slot.algorithm == 1:
                next_nonce(used, slot.key_id)
        _remembers(used)


@pytest.mark.clause("KEY-3")
def test_reordered_slots_keep_their_counters(dut: Dut) -> None:
    for key_id in KEYS:
        next_nonce(dut, key_id)
    set_encryptions(dut, AES_KEY_ID, 2**32)
    first, second = dut.keys.image.slots[0], dut.keys.image.slots[2]
    dut.keys.replace(KeyImage((second, first)))
    refused(dut.aes_encrypt(AES_KEY_ID), Status.NONCE_REUSE)
    next_nonce(dut, SECOND_AES_KEY_ID)


@pytest.mark.clause("KEY-3")
def test_material_changed_under_the_same_generation(used: Dut) -> None:
    """The key manager's slip: the storage as it stands counts, and what is remembered of the id stays."""
    used.keys.replace(_first(material=_OTHER_KEY))
    sealed = used.seal(AES_KEY_ID, b"text")
    assert open_outside(_OTHER_KEY, sealed) == b"text"
    refused(used.aes_decrypt(AES_KEY_ID, _USED, b"", bytes(16)), Status.NONCE_REUSE)
    assert granted(used.aes_decrypt(AES_KEY_ID, *sealed)) == b"text"
    used.keys.replace(_first())
    _remembers(used)


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "digest": lambda raw: raw[: 16 + 48] + bytes([raw[16 + 48] ^ 1]) + raw[16 + 49 :],
    "material": lambda raw: raw[:32] + bytes([raw[32] ^ 1]) + raw[33:],
    "generation, digest stale": lambda raw: raw[:24] + b"\x09" + raw[25:],
    "algorithm, digest stale": lambda raw: raw[:20] + b"\x03" + raw[21:],
    "material_length": lambda raw: raw[:28] + b"\xff\xff\xff\xff" + raw[32:],
    "magic": lambda raw: b"\0" + raw[1:],
    "version": lambda raw: raw[:4] + b"\x02" + raw[5:],
    "slot_count": lambda raw: raw[:6] + b"\x11" + raw[7:],
    "reserved": lambda raw: raw[:15] + b"\x80" + raw[16:],
    "duplicate": lambda raw: raw[: 16 + 2640] + raw[16 : 16 + 80] + raw[16 + 2640 + 80 :],
    "everything": lambda raw: bytes(len(raw)),
}


@pytest.mark.clause("KEY-2", "KEY-3")
@pytest.mark.parametrize("name", list(_DAMAGE))
def test_damage_and_repair_leave_what_is_remembered(used: Dut, name: str) -> None:
    """A slot that is not intact says nothing, an image that does not parse says nothing of any key."""
    for _ in range(2):
        used.keys.write(_DAMAGE[name](used.keys.raw))
        for key_id in (AES_KEY_ID, SECOND_AES_KEY_ID, AES_KEY_ID):
            used.aes_encrypt(key_id)
        refused(used.aes_encrypt(AES_KEY_ID), Status.KEY_NOT_FOUND)
        used.keys.repair()
        _remembers(used)
        _remembers(used, SECOND_AES_KEY_ID)


@pytest.mark.clause("KEY-2", "KEY-3")
def test_a_slot_of_2593_bytes_is_not_intact_even_with_its_digest(used: Dut) -> None:
    """So its other generation does not rotate the key. In the last slot there is room for it."""
    body = bytes.fromhex("01000000 0100 0001 09000000 210a0000") + noise(2593)
    image = bytearray(encode_slots([None] * 16))
    image[16 + 15 * 2640 : 16 + 15 * 2640 + 2641] = body + digest(body)
    used.keys.write(bytes(image))
    refused(used.aes_encrypt(AES_KEY_ID), Status.KEY_NOT_FOUND)
    used.keys.repair()
    _remembers(used)


@pytest.mark.clause("KEY-3")
@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2, "material": bytes(31)},
        {"generation": 2, "material": b""},
        {"generation": 2, "material": bytes(2592)},
        {"algorithm": 3, "parameter_set": 512, "material": b""},
        {"algorithm": 2, "parameter_set": 44},
        {"algorithm": 7},
        {"parameter_set": 192},
    ],
    ids=change_name,
)
def test_an_intact_slot_of_another_identity_rotates_even_if_it_is_not_found(used: Dut, change: dict[str, Any]) -> None:
    """Generation, algorithm, parameter set: what differs restarts tracker and counter before the rest is judged."""
    slots = _first(**change).slots
    used.keys.write(encode_slots(slots))
    refused(used.aes_encrypt(AES_KEY_ID), Status.KEY_NOT_FOUND)
    _remembers(used, SECOND_AES_KEY_ID)
    used.keys.replace(_first())
    _forgot(used)


@pytest.mark.clause("KEY-3")
def test_wrong_material_under_the_same_identity_is_no_rotation(used: Dut) -> None:
    for material in (bytes(31), b"", bytes(33)):
        used.keys.write(encode_slots(_first(material=material).slots))
        refused(used.aes_encrypt(AES_KEY_ID), Status.KEY_NOT_FOUND)
        used.keys.replace(_first())
        _remembers(used)


@pytest.mark.clause("KEY-3")
def test_a_key_that_was_removed_comes_back_as_a_new_one(used: Dut) -> None:
    """Once a request has seen the storage without it; a request for another key, or for none, is enough."""
    for asked in (SECOND_AES_KEY_ID, AES_KEY_ID, 0, 0x0BAD_F00D):
        used.keys.replace(KeyImage((None, used.keys.image.slot(SECOND_AES_KEY_ID))))
        used.aes_encrypt(asked)
        used.keys.replace(_first())
        _forgot(used)
        _remembers(used, SECOND_AES_KEY_ID)


@pytest.mark.clause("KEY-3")
def test_places_of_removed_keys_are_free_and_clean(dut: Dut) -> None:
    """Sixty keys, four at a time: the places go round, none inherits what another remembered."""
    for first in range(1, 60, 4):
        slots = tuple(aes_slot(key_id, KEYS[AES_KEY_ID]) for key_id in range(first, first + 4))
        dut.keys.replace(KeyImage(slots))
        for slot in slots:
            nonce = nonce_number(1)
            granted(dut.aes_decrypt(slot.key_id, nonce, *seal_outside(AES_KEY_ID, nonce)))
            refused(dut.aes_decrypt(slot.key_id, nonce, b"", bytes(16)), Status.NONCE_REUSE)
            next_nonce(dut, slot.key_id)
            set_encryptions(dut, slot.key_id, 2**32)
            refused(dut.aes_encrypt(slot.key_id), Status.NONCE_REUSE)

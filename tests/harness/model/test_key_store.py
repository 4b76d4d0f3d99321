# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of docs/protocol.md, "Key storage", by what a key remembers: its encryption counter is the witness."""

from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.model import ModelError, mldsa, mlkem
from harness.model.key_store import KeyStore
from harness.protocol.commands import Algorithm
from harness.protocol.key_image import KeySlot, SlotPart, aes_slot, corrupt, encode_slots

KEY = bytes(range(32))
ONE = aes_slot(1, KEY)
FOUR = [aes_slot(key_id, bytes([key_id]) * 32) for key_id in (1, 2, 3, 4)]


def used(*slots: KeySlot) -> KeyStore:
    """A store that remembers every AES key of `slots`, each used once."""
    store = KeyStore(encode_slots(slots))
    for slot in slots:
        key = store.find_aes(slot.key_id)
        assert key is not None
        key.encryptions = 1
    return store


def counter(store: KeyStore, key_id: int) -> int | None:
    """The encryption counter of a key; None for KEY_NOT_FOUND."""
    key = store.find_aes(key_id)
    return None if key is None else key.encryptions


def changed(image: bytes, position: int, value: int) -> bytes:
    return image[:position] + bytes([value]) + image[position + 1 :]


SOUND = encode_slots([ONE])


@pytest.mark.parametrize(
    "image",
    [
        changed(SOUND, 0, 0),
        changed(SOUND, 4, 2),
        changed(SOUND, 5, 1),
        changed(SOUND, 8, 1),
        changed(SOUND, 15, 0x80),
        encode_slots([ONE], slot_count=17),
        encode_slots([ONE], slot_count=0xFFFF),
        encode_slots([ONE, aes_slot(2, KEY), aes_slot(2, KEY)]),
        encode_slots([ONE, replace(ONE, algorithm=3)]),
        corrupt(encode_slots([ONE, ONE]), 1),
        encode_slots([*FOUR, aes_slot(5, KEY)]),
        encode_slots([*FOUR, replace(ONE, key_id=5, parameter_set=0, material=b"")]),
        corrupt(encode_slots([*FOUR, aes_slot(5, KEY)]), 4),
        b"",
    ],
)
def test_rule_1_unparsable_image(image: bytes) -> None:
    store = used(ONE)
    store.write(image)
    assert counter(store, 1) is None
    store.write(SOUND)
    assert counter(store, 1) == 1


@pytest.mark.parametrize(
    "image",
    [
        SOUND[: 16 + 80],
        encode_slots([ONE, None, None], slot_count=16),
        encode_slots([None, replace(ONE, key_id=0), ONE]),
        encode_slots([ONE, ONE], slot_count=1),
        encode_slots([*FOUR, aes_slot(0, KEY)]),
        encode_slots([*FOUR, *(KeySlot(i, Algorithm.MLKEM, 512, 1, b"") for i in range(5, 17))]),
        changed(SOUND, 16 + 80, 0xFF),
    ],
)
def test_images_that_parse(image: bytes) -> None:
    store = used(ONE)
    store.write(image)
    assert counter(store, 1) == 1


def test_rule_2_removed_id_is_forgotten() -> None:
    store = used(*FOUR)
    store.write(encode_slots(FOUR[1:]))
    assert counter(store, 9) is None  # any request that needs a key is enough
    store.write(encode_slots(FOUR))
    assert [counter(store, i) for i in (1, 2, 3, 4)] == [0, 1, 1, 1]


def test_rule_2_takes_a_request() -> None:
    store = used(*FOUR)
    store.write(encode_slots(FOUR[1:]))
    store.write(encode_slots(FOUR))
    assert counter(store, 1) == 1


def test_rule_3_id_zero() -> None:
    assert counter(KeyStore(encode_slots([aes_slot(0, KEY)])), 0) is None


@pytest.mark.parametrize("part", ["generation", "material_length", "material", "digest"])
def test_rule_4_slot_that_is_not_intact(part: SlotPart) -> None:
    store = used(*FOUR)
    store.write(corrupt(encode_slots(FOUR), 1, part))
    assert [counter(store, i) for i in (1, 2, 3, 4)] == [1, None, 1, 1]
    store.write(encode_slots(FOUR))
    assert counter(store, 2) == 1


@pytest.mark.parametrize("length", [2593, 0x8000_0000, 0xFFFF_FFFF])
def test_rule_4_material_length(length: int) -> None:
    image = bytearray(SOUND)
    image[16 + 12 : 16 + 16] = length.to_bytes(4, "little")
    assert counter(KeyStore(bytes(image)), 1) is None


def test_rule_4_digest_at_the_end_of_the_stride() -> None:
    """The longest slot ends where the next begins; it is intact, though its material is too long for AES."""
    long = replace(ONE, key_id=2, material=bytes(2592))
    store = KeyStore(encode_slots([long, ONE]))
    assert counter(store, 2) is None
    assert counter(store, 1) == 0


@pytest.mark.parametrize("generation", [0, 2, 0xFFFF_FFFF])
def test_rule_5_rotation(generation: int) -> None:
    store = used(*FOUR)
    store.aes_keys[1].nonces.recorded = 5
    store.write(encode_slots([aes_slot(1, KEY, generation), *FOUR[1:]]))
    assert [counter(store, i) for i in (1, 2, 3, 4)] == [0, 1, 1, 1]
    assert store.aes_keys[1].nonces.recorded == 0
    sealed = AESGCM(KEY).encrypt(bytes(12), b"text", b"")
    assert store.aes_keys[1].cipher.decrypt(bytes(12), sealed, b"") == b"text"


@pytest.mark.parametrize(
    "other",
    [
        KeySlot(1, Algorithm.MLKEM, 512, 1, b""),
        KeySlot(1, Algorithm.MLDSA, 87, 1, bytes(2592)),
        replace(ONE, algorithm=2),
        replace(ONE, parameter_set=128),
    ],
)
def test_rule_5_before_rule_6(other: KeySlot) -> None:
    """A slot that turns into something else is wiped by the request that finds it so."""
    store = used(ONE)
    store.write(encode_slots([other]))
    assert counter(store, 1) is None
    store.write(SOUND)
    assert counter(store, 1) == 0


def test_rule_5_new_material_of_the_same_generation() -> None:
    store = used(ONE)
    before = store.snapshot()
    sealed = AESGCM(KEY).encrypt(bytes(12), b"text", b"")
    store.write(encode_slots([replace(ONE, material=bytes(32))]))
    key = store.find_aes(1)
    assert key is not None
    assert key.encryptions == 1
    with pytest.raises(InvalidTag):
        key.cipher.decrypt(bytes(12), sealed, b"")
    store.restore(before)
    key = store.find_aes(1)
    assert key is not None
    assert key.cipher.decrypt(bytes(12), sealed, b"") == b"text"


def test_rule_5_takes_a_request() -> None:
    store = used(ONE)
    store.write(encode_slots([aes_slot(1, KEY, 2)]))
    store.write(SOUND)
    assert counter(store, 1) == 1


@pytest.mark.parametrize(
    "slot",
    [
        replace(ONE, parameter_set=128),
        replace(ONE, parameter_set=44),
        replace(ONE, algorithm=0),
        replace(ONE, algorithm=2, parameter_set=44),
        replace(ONE, material=bytes(31)),
        replace(ONE, material=bytes(33)),
        replace(ONE, material=b""),
    ],
)
def test_rule_6_what_is_no_aes_key(slot: KeySlot) -> None:
    assert counter(KeyStore(encode_slots([slot])), 1) is None


def test_rule_6_four_keys_are_remembered() -> None:
    """A fifth place is asked for when a remembered id has turned into another algorithm's, and nobody asked for it."""
    store = used(*FOUR)
    image = encode_slots([KeySlot(1, Algorithm.MLKEM, 512, 1, b""), *FOUR[1:], aes_slot(5, KEY)])
    store.write(image)
    assert counter(store, 5) is None
    assert counter(store, 1) is None  # rule 5 gives the place back
    assert counter(store, 5) == 0


# ---- ML-KEM and ML-DSA ----

MLKEM = KeySlot(7, Algorithm.MLKEM, 768, 1, b"")
GENERATED = mlkem.keygen(768, bytes(32), bytes(32))[1]
PUBLIC_KEY = mldsa.public_key(44, KEY)


def generated(*slots: KeySlot) -> KeyStore:
    """A store whose ML-KEM slots of `slots` have had their KEYGEN."""
    store = KeyStore(encode_slots(slots))
    for slot in slots:
        if slot.algorithm == Algorithm.MLKEM:
            key = store.find_mlkem(slot.key_id)
            assert key is not None
            key.generated = GENERATED
    return store


def has_key(store: KeyStore, key_id: int) -> bool | None:
    """Whether a slot has its generated key; None for KEY_NOT_FOUND."""
    key = store.find_mlkem(key_id)
    return None if key is None else key.generated is GENERATED


@pytest.mark.parametrize("parameter_set", [512, 768, 1024])
def test_mlkem_slot_starts_empty(parameter_set: int) -> None:
    store = KeyStore(encode_slots([replace(MLKEM, parameter_set=parameter_set)]))
    key = store.find_mlkem(7)
    assert key is not None
    assert (key.parameter_set, key.generated) == (parameter_set, None)


def test_generated_key_stays() -> None:
    store = generated(ONE, MLKEM)
    assert has_key(store, 7)
    store.write(encode_slots([MLKEM]))  # another place in the image, and another key gone
    assert has_key(store, 7)


def test_rule_1_keeps_generated_keys() -> None:
    store = generated(MLKEM)
    image = store.image
    store.write(b"")
    assert has_key(store, 7) is None
    store.write(image)
    assert has_key(store, 7)


@pytest.mark.parametrize("asked", ["aes", "mldsa", "mlkem"])
def test_rule_2_whatever_is_asked_for(asked: str) -> None:
    store = generated(MLKEM)
    image = store.image
    store.write(encode_slots([ONE]))
    assert getattr(store, f"find_{asked}")(9) is None
    store.write(image)
    assert has_key(store, 7) is False


def test_rule_4_keeps_generated_keys() -> None:
    store = generated(MLKEM)
    image = store.image
    store.write(corrupt(image, 0))
    assert has_key(store, 7) is None
    store.write(image)
    assert has_key(store, 7)


@pytest.mark.parametrize(
    "rotated",
    [
        replace(MLKEM, generation=2),
        replace(MLKEM, parameter_set=512),
        replace(MLKEM, parameter_set=44),
        KeySlot(7, Algorithm.MLDSA, 44, 1, KEY),
        aes_slot(7, KEY),
    ],
)
@pytest.mark.parametrize("asked", ["aes", "mldsa", "mlkem"])
def test_rule_5_rotation_forgets_the_generated_key(rotated: KeySlot, asked: str) -> None:
    """Whatever operation's request is the one that finds it."""
    store = generated(MLKEM)
    image = store.image
    store.write(encode_slots([rotated]))
    getattr(store, f"find_{asked}")(7)
    store.write(image)
    assert has_key(store, 7) is False


@pytest.mark.parametrize("asked", ["mldsa", "mlkem"])
def test_rule_5_rotation_of_an_aes_key_found_by_others(asked: str) -> None:
    store = used(ONE)
    store.write(encode_slots([aes_slot(1, KEY, 2)]))
    assert getattr(store, f"find_{asked}")(1) is None
    store.write(SOUND)
    assert counter(store, 1) == 0


def test_rule_5_takes_a_request_that_names_the_key() -> None:
    store = generated(MLKEM, replace(MLKEM, key_id=8))
    image = store.image
    store.write(encode_slots([replace(MLKEM, generation=2), replace(MLKEM, key_id=8)]))
    assert has_key(store, 8)
    store.write(image)
    assert has_key(store, 7)


@pytest.mark.parametrize(
    "slot",
    [
        replace(MLKEM, parameter_set=0),
        replace(MLKEM, parameter_set=256),
        replace(MLKEM, parameter_set=65),
        replace(MLKEM, algorithm=0),
        replace(MLKEM, algorithm=4),
        replace(MLKEM, material=b"\0"),
        replace(MLKEM, material=bytes(64)),
    ],
)
def test_rule_6_what_is_no_mlkem_slot(slot: KeySlot) -> None:
    assert has_key(KeyStore(encode_slots([slot])), 7) is None


def test_rule_6_forgets_nothing() -> None:
    """Material that no ML-KEM slot has, under the same generation: KEY_NOT_FOUND as long as it is there."""
    store = generated(MLKEM)
    image = store.image
    store.write(encode_slots([replace(MLKEM, material=b"\0")]))
    assert has_key(store, 7) is None
    assert store.find_aes(7) is None
    store.write(image)
    assert has_key(store, 7)


def test_rule_6_a_whole_image_is_remembered() -> None:
    slots = [*FOUR, *(replace(MLKEM, key_id=i) for i in range(5, 17))]
    store = generated(*slots)
    assert [counter(store, i) for i in range(1, 5)] == [0] * 4
    assert all(has_key(store, i) for i in range(5, 17))
    store.write(encode_slots([*FOUR, *(replace(MLKEM, key_id=i) for i in range(15, 27))]))
    assert [has_key(store, i) for i in range(15, 27)] == [True, True] + [False] * 10


@pytest.mark.parametrize(("parameter_set", "size"), [(44, 1312), (65, 1952), (87, 2592)])
def test_mldsa_key(parameter_set: int, size: int) -> None:
    """DSA-2: a seed, or a public key alone."""
    slot = KeySlot(5, Algorithm.MLDSA, parameter_set, 1, KEY)
    store = KeyStore(encode_slots([slot]))
    key = store.find_mldsa(5)
    assert key is not None
    assert (key.parameter_set, key.seed) == (parameter_set, KEY)
    assert key.public_key == mldsa.public_key(parameter_set, KEY)
    store.write(encode_slots([replace(slot, material=bytes(size))]))
    key = store.find_mldsa(5)
    assert key is not None
    assert (key.parameter_set, key.seed, key.public_key) == (parameter_set, None, bytes(size))


@pytest.mark.parametrize(
    "slot",
    [
        KeySlot(5, Algorithm.MLDSA, 44, 1, b""),
        KeySlot(5, Algorithm.MLDSA, 44, 1, bytes(31)),
        KeySlot(5, Algorithm.MLDSA, 44, 1, bytes(1311)),
        KeySlot(5, Algorithm.MLDSA, 44, 1, bytes(1952)),
        KeySlot(5, Algorithm.MLDSA, 87, 1, bytes(1312)),
        KeySlot(5, Algorithm.MLDSA, 256, 1, KEY),
        KeySlot(5, Algorithm.MLDSA, 512, 1, KEY),
        aes_slot(5, KEY),
        replace(MLKEM, key_id=5),
    ],
)
def test_rule_6_what_is_no_mldsa_key(slot: KeySlot) -> None:
    assert KeyStore(encode_slots([slot])).find_mldsa(5) is None


def test_mldsa_material_is_used_as_it_stands() -> None:
    store = KeyStore(encode_slots([KeySlot(5, Algorithm.MLDSA, 44, 1, KEY)]))
    store.find_mldsa(5)
    store.write(encode_slots([KeySlot(5, Algorithm.MLDSA, 44, 1, bytes(32))]))
    key = store.find_mldsa(5)
    assert key is not None
    assert key.public_key == mldsa.public_key(44, bytes(32)) != PUBLIC_KEY


def test_snapshot_and_restore_of_generated_keys() -> None:
    store = KeyStore(encode_slots([MLKEM]))
    empty = store.snapshot()
    key = store.find_mlkem(7)
    assert key is not None
    key.generated = GENERATED
    full = store.snapshot()
    key.generated = None
    other = store.snapshot()
    store.write(b"")
    for state, expected in ((full, True), (empty, False), (full, True), (other, False)):
        store.restore(state)
        assert has_key(store, 7) is expected


def test_image_that_does_not_fit() -> None:
    with pytest.raises(ModelError, match="45057 bytes"):
        KeyStore(bytes(0xB001))


def test_snapshot_and_restore() -> None:
    store = used(*FOUR)
    before = store.snapshot()
    store.write(encode_slots([aes_slot(1, KEY, 2)]))
    assert counter(store, 1) == 0
    after = store.snapshot()
    store.restore(before)
    assert [counter(store, i) for i in (1, 2, 3, 4)] == [1, 1, 1, 1]
    store.restore(after)
    assert [counter(store, i) for i in (1, 2, 3, 4)] == [0, None, None, None]

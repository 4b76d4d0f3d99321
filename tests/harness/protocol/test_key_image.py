# SPDX-License-Identifier: GPL-2.0-or-later
"""Key storage images: round trips, and one clear refusal for each rule."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocol.commands import MATERIAL_LENGTHS, Algorithm
from harness.protocol.key_image import (
    KeyImage,
    KeyImageError,
    KeySlot,
    SlotPart,
    aes_slot,
    corrupt,
    encode_slots,
    mldsa_slot,
    mlkem_slot,
)

AES = aes_slot(7, bytes(range(32)))
DSA = KeySlot(8, Algorithm.MLDSA, 87, 2, bytes(2592))


@st.composite
def images(draw: st.DrawFn) -> KeyImage:
    """Sound images of every kind of key, with gaps."""
    ids = draw(st.lists(st.integers(1, 0xFFFF_FFFF), unique=True, max_size=16))
    slots: list[KeySlot | None] = []
    for key_id in ids:
        pairs = [pair for pair in MATERIAL_LENGTHS if pair[0] != Algorithm.AES or _aes_keys(slots) < 4]
        pair = draw(st.sampled_from(pairs))
        length = draw(st.sampled_from(MATERIAL_LENGTHS[pair]))
        fill = draw(st.integers(0, 255))
        slots.append(KeySlot(key_id, *pair, draw(st.integers(0, 0xFFFF_FFFF)), bytes([fill]) * length))
        if len(ids) < 8 and draw(st.booleans()):
            slots.append(None)
    return KeyImage(tuple(slots))


def _aes_keys(slots: list[KeySlot | None]) -> int:
    return sum(slot is not None and slot.algorithm == Algorithm.AES for slot in slots)


@given(images())
def test_images_round_trip(image: KeyImage) -> None:
    data = image.build()
    assert len(data) == 0xB000
    assert KeyImage.parse(data) == image


def test_unused_bytes_may_be_missing() -> None:
    assert KeyImage.parse(KeyImage((AES,)).build()[: 16 + 16 + 32 + 32]) == KeyImage((AES,))
    assert KeyImage.parse(KeyImage().build()[:16]) == KeyImage()


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        ([AES] * 2, "key id 7 is in 2 slots"),
        ([replace(AES, key_id=i) for i in range(1, 6)], "5 AES keys"),
        ([replace(AES, key_id=0)], "key id 0"),
        ([replace(AES, parameter_set=128)], "algorithm 1 has no parameter set 128"),
        ([replace(AES, algorithm=9)], "algorithm 9 has no parameter set 256"),
        ([replace(AES, material=bytes(31))], "material has 31 bytes, 32 are needed"),
        ([replace(DSA, material=bytes(1312))], "material has 1312 bytes, 32 or 2592 are needed"),
    ],
)
def test_keys_that_no_image_may_hold(slots: list[KeySlot], message: str) -> None:
    with pytest.raises(KeyImageError, match=message):
        KeyImage(tuple(slots)).build()
    if slots[0].key_id:
        with pytest.raises(KeyImageError, match=message):
            KeyImage.parse(encode_slots(slots))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_id": 1 << 32}, "key_id 4294967296 is out of range"),
        ({"generation": -1}, "generation -1 is out of range"),
        ({"material": bytes(2593)}, "a slot holds 2592"),
    ],
)
def test_slots_that_cannot_be_written(change: dict[str, int | bytes], message: str) -> None:
    with pytest.raises(KeyImageError, match=message):
        encode_slots([replace(AES, **change)])  # type: ignore[arg-type]


def test_too_many_slots() -> None:
    with pytest.raises(KeyImageError, match="17 slots"):
        KeyImage((None,) * 17).build()
    with pytest.raises(KeyImageError, match="17 slots"):
        KeyImage.parse(encode_slots([], slot_count=17))
    with pytest.raises(KeyImageError, match="slot_count 65536"):
        encode_slots([], slot_count=65536)


@pytest.mark.parametrize(
    ("position", "message"),
    [(0, "bad magic"), (4, "version is 0"), (15, "reserved"), (16 + 16, "slot 0 .key 7.: digest does not match")],
)
def test_changed_bytes(position: int, message: str) -> None:
    data = bytearray(KeyImage((AES,)).build())
    data[position] ^= 1
    with pytest.raises(KeyImageError, match=message):
        KeyImage.parse(bytes(data))


@pytest.mark.parametrize(
    ("length", "message"),
    [(15, "no header"), (16, "before slot 0"), (16 + 15, "before slot 0"), (16 + 79, "before slot 0")],
)
def test_truncated(length: int, message: str) -> None:
    with pytest.raises(KeyImageError, match=message):
        KeyImage.parse(KeyImage((AES,)).build()[:length])


def test_oversized() -> None:
    with pytest.raises(KeyImageError, match="45057 bytes"):
        KeyImage.parse(bytes(0xB001))


def test_material_length_out_of_bounds() -> None:
    data = bytearray(KeyImage((AES,)).build())
    data[16 + 12 : 16 + 16] = (2593).to_bytes(4, "little")
    with pytest.raises(KeyImageError, match="material_length 2593"):
        KeyImage.parse(bytes(data))


@pytest.mark.parametrize(
    "part", ["key_id", "algorithm", "parameter_set", "generation", "material_length", "material", "digest"]
)
@pytest.mark.parametrize("index", [0, 1])
def test_corrupt(part: SlotPart, index: int) -> None:
    sound = KeyImage((AES, DSA)).build()
    broken = corrupt(sound, index, part)
    assert sum(a != b for a, b in zip(sound, broken, strict=True)) == 1
    with pytest.raises(KeyImageError, match=f"slot {index}"):
        KeyImage.parse(broken)


def test_corrupt_needs_a_slot() -> None:
    with pytest.raises(KeyImageError, match="no slot 16"):
        corrupt(KeyImage((AES,)).build(), 16)


def test_rotation() -> None:
    image = KeyImage((None, AES, DSA))
    rotated = image.slot(7).rotated(bytes(32))
    assert rotated == aes_slot(7, bytes(32), generation=2)
    assert image.replaced(rotated).slots == (None, rotated, DSA)
    assert replace(AES, generation=0xFFFF_FFFF).rotated(b"").generation == 0
    with pytest.raises(KeyImageError, match="no slot carries key id 9"):
        image.slot(9)


def test_slots_of_each_algorithm_are_sound() -> None:
    """A key, a seed, a public key alone, a slot that starts empty."""
    slots = (
        aes_slot(1, bytes(32)),
        *(mldsa_slot(number, number, bytes(32)) for number in (44, 65, 87)),
        mldsa_slot(2, 65, bytes(1952), generation=9),
        *(mlkem_slot(number, number) for number in (512, 768, 1024)),
    )
    assert KeyImage.parse(KeyImage(slots).build()).slots == slots
    assert [slot.algorithm for slot in slots] == [1, 2, 2, 2, 2, 3, 3, 3]
    assert slots[4].generation == 9

# SPDX-License-Identifier: GPL-2.0-or-later
"""Key storage images: the dataspace that the key manager writes and the service reads (KEY-1).

`KeyImage` builds and parses sound images and refuses all others; `encode_slots` and `corrupt` make the unsound ones
that a service has to withstand. Layout: docs/protocol.md, "Key storage".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha3_256
from struct import Struct
from typing import Literal

from harness.protocol import commands as table
from harness.protocol.commands import Algorithm

_U32_MAX = 0xFFFF_FFFF

# magic, version, slot_count, reserved
IMAGE_HEADER = Struct("<4sHH8s")
# key_id, algorithm, parameter_set, generation, material_length
SLOT_HEADER = Struct("<IHHII")

SlotPart = Literal["key_id", "algorithm", "parameter_set", "generation", "material_length", "material", "digest"]
_SLOT_PART_OFFSETS: dict[SlotPart, int] = {
    "key_id": 0,
    "algorithm": 4,
    "parameter_set": 6,
    "generation": 8,
    "material_length": 12,
    "material": table.KEY_SLOT_HEADER_SIZE,
}


class KeyImageError(ValueError):
    """An image that does not parse, or keys that no image can hold."""


@dataclass(frozen=True, slots=True)
class KeySlot:
    """One key. `parameter_set` is 256; 44, 65, 87; 512, 768 or 1024 by `algorithm`; `material` as KEY-1 has it."""

    key_id: int
    algorithm: int
    parameter_set: int
    generation: int
    material: bytes

    def encode(self) -> bytes:
        """Header, material and digest, without the fill up to the stride; KeyImageError when a field is too wide."""
        limits = (("key_id", _U32_MAX), ("algorithm", 0xFFFF), ("parameter_set", 0xFFFF), ("generation", _U32_MAX))
        for name, limit in limits:
            if not 0 <= getattr(self, name) <= limit:
                raise KeyImageError(f"{name} {getattr(self, name)} is out of range: give 0 to {limit}")
        if len(self.material) > table.KEY_SLOT_MATERIAL_MAX:
            length, limit = len(self.material), table.KEY_SLOT_MATERIAL_MAX
            raise KeyImageError(f"key {self.key_id}: material has {length} bytes, a slot holds {limit}")
        header = SLOT_HEADER.pack(self.key_id, self.algorithm, self.parameter_set, self.generation, len(self.material))
        body = header + self.material
        return body + digest(body)

    def check(self) -> None:
        """Raises KeyImageError unless algorithm, parameter set and material length go together and the id is valid."""
        if self.key_id == 0:
            raise KeyImageError("key id 0 marks an empty slot: choose another id")
        pair = (self.algorithm, self.parameter_set)
        lengths = _MATERIAL_LENGTHS.get(pair)
        if lengths is None:
            raise KeyImageError(
                f"key {self.key_id}: algorithm {self.algorithm} has no parameter set {self.parameter_set}"
            )
        if len(self.material) not in lengths:
            wanted = " or ".join(map(str, lengths))
            raise KeyImageError(f"key {self.key_id}: material has {len(self.material)} bytes, {wanted} are needed")

    def rotated(self, material: bytes) -> "KeySlot":
        """The slot with new material and the next generation (KEY-3); generations wrap round at 2^32."""
        return replace(self, generation=(self.generation + 1) & _U32_MAX, material=material)


_MATERIAL_LENGTHS: dict[tuple[int, int], tuple[int, ...]] = {
    (int(algorithm), parameter_set): lengths for (algorithm, parameter_set), lengths in table.MATERIAL_LENGTHS.items()
}


def digest(body: bytes) -> bytes:
    """SHA3-256 of a slot's header and material."""
    return sha3_256(body).digest()


def aes_slot(key_id: int, key: bytes, generation: int = 1) -> KeySlot:
    """A slot with an AES-256 key of 32 bytes."""
    return KeySlot(key_id, Algorithm.AES, 256, generation, key)


def mldsa_slot(key_id: int, parameter_set: int, material: bytes, generation: int = 1) -> KeySlot:
    """A slot with an ML-DSA seed of 32 bytes, or with a public key alone (DSA-2)."""
    return KeySlot(key_id, Algorithm.MLDSA, parameter_set, generation, material)


def mlkem_slot(key_id: int, parameter_set: int, generation: int = 1) -> KeySlot:
    """A slot for an ML-KEM key, which starts empty (KEM-1)."""
    return KeySlot(key_id, Algorithm.MLKEM, parameter_set, generation, b"")


@dataclass(frozen=True, slots=True)
class KeyImage:
    """A sound image: at most 16 slots in the order of storage, None for an empty one."""

    slots: tuple[KeySlot | None, ...] = ()

    def build(self) -> bytes:
        """The image, 0xB000 bytes, unused bytes zero; KeyImageError when the slots break a rule of docs/protocol.md."""
        self.check()
        return encode_slots(self.slots)

    def check(self) -> None:
        """Raises KeyImageError unless the service would accept the image and every key in it."""
        _check_count(len(self.slots))
        keys = [slot for slot in self.slots if slot is not None]
        for slot in keys:
            slot.check()
        for key_id, count in Counter(slot.key_id for slot in keys).items():
            if count > 1:
                raise KeyImageError(f"key id {key_id} is in {count} slots: give each key its own id")
        aes_keys = sum(slot.algorithm == Algorithm.AES for slot in keys)
        if aes_keys > table.KEY_AES_MAX:
            raise KeyImageError(f"{aes_keys} AES keys: remove some, an image holds at most {table.KEY_AES_MAX}")

    @classmethod
    def parse(cls, data: bytes) -> "KeyImage":
        """The image in `data`, which may lack the unused bytes behind its last slot.

        Raises KeyImageError for everything that makes the service refuse the image or one of its keys.
        """
        slot_count = _parse_header(data)
        image = cls(tuple(_parse_slot(data, index) for index in range(slot_count)))
        image.check()
        return image

    def slot(self, key_id: int) -> KeySlot:
        """The slot of `key_id`; KeyImageError when there is none."""
        for slot in self.slots:
            if slot is not None and slot.key_id == key_id:
                return slot
        raise KeyImageError(f"no slot carries key id {key_id}")

    def replaced(self, new: KeySlot) -> "KeyImage":
        """The image with `new` in the place of the slot that carries its id."""
        old = self.slot(new.key_id)
        return KeyImage(tuple(new if slot is old else slot for slot in self.slots))


def encode_slots(slots: Sequence[KeySlot | None], slot_count: int | None = None) -> bytes:
    """An image of 0xB000 bytes that carries `slots` whatever they say; `slot_count` overrides the header's count.

    For images that the service has to refuse. Raises KeyImageError only for what no image has room for.
    """
    _check_count(len(slots))
    count = len(slots) if slot_count is None else slot_count
    if not 0 <= count <= 0xFFFF:
        raise KeyImageError(f"slot_count {count} is out of range: give 0 to 65535")
    image = bytearray(table.KEY_STORAGE_SIZE)
    IMAGE_HEADER.pack_into(image, 0, table.KEY_STORAGE_MAGIC, table.KEY_STORAGE_VERSION, count, bytes(8))
    for index, slot in enumerate(slots):
        if slot is not None:
            encoded = slot.encode()
            start = slot_offset(index)
            image[start : start + len(encoded)] = encoded
    return bytes(image)


def corrupt(image: bytes, index: int, part: SlotPart = "digest") -> bytes:
    """`image` with the lowest bit of the first byte of one part of slot `index` flipped, and nothing else changed."""
    if not 0 <= index < table.KEY_STORAGE_SLOTS or slot_offset(index + 1) > len(image):
        raise KeyImageError(f"there is no slot {index} to corrupt: give 0 to {table.KEY_STORAGE_SLOTS - 1}")
    start = slot_offset(index)
    if part == "digest":
        length = SLOT_HEADER.unpack_from(image, start)[4]
        position = start + table.KEY_SLOT_HEADER_SIZE + min(length, table.KEY_SLOT_MATERIAL_MAX)
    else:
        position = start + _SLOT_PART_OFFSETS[part]
    changed = bytearray(image)
    changed[position] ^= 1
    return bytes(changed)


def slot_offset(index: int) -> int:
    """Where slot `index` starts in an image."""
    return table.KEY_STORAGE_HEADER_SIZE + table.KEY_SLOT_STRIDE * index


def _check_count(count: int) -> None:
    if count > table.KEY_STORAGE_SLOTS:
        raise KeyImageError(f"{count} slots: an image holds at most {table.KEY_STORAGE_SLOTS}")


def _parse_header(data: bytes) -> int:
    """The slot count of a sound image header."""
    if len(data) < IMAGE_HEADER.size:
        raise KeyImageError(f"image is truncated: {len(data)} bytes hold no header of {IMAGE_HEADER.size}")
    if len(data) > table.KEY_STORAGE_SIZE:
        raise KeyImageError(f"image has {len(data)} bytes: key storage holds {table.KEY_STORAGE_SIZE}")
    magic, version, slot_count, reserved = IMAGE_HEADER.unpack_from(data)
    if magic != table.KEY_STORAGE_MAGIC:
        raise KeyImageError(f"bad magic {magic!r}, not {table.KEY_STORAGE_MAGIC!r}: this is no key storage image")
    if version != table.KEY_STORAGE_VERSION:
        raise KeyImageError(f"image version is {version}: only {table.KEY_STORAGE_VERSION} is known")
    if any(reserved):
        raise KeyImageError("reserved bytes 8 to 15 of the image header are not zero")
    _check_count(slot_count)
    return int(slot_count)


def _parse_slot(data: bytes, index: int) -> KeySlot | None:
    start = slot_offset(index)
    if len(data) < start + SLOT_HEADER.size:
        raise KeyImageError(f"image is truncated: {len(data)} bytes end before slot {index} does")
    key_id, algorithm, parameter_set, generation, length = SLOT_HEADER.unpack_from(data, start)
    if key_id == 0:
        return None
    if length > table.KEY_SLOT_MATERIAL_MAX:
        raise KeyImageError(f"slot {index}: material_length {length} is over {table.KEY_SLOT_MATERIAL_MAX}")
    end = start + SLOT_HEADER.size + length
    stored = data[end : end + table.KEY_DIGEST_SIZE]
    if len(stored) < table.KEY_DIGEST_SIZE:
        raise KeyImageError(f"image is truncated: {len(data)} bytes end before slot {index} does")
    if stored != digest(data[start:end]):
        raise KeyImageError(f"slot {index} (key {key_id}): digest does not match, write the key again")
    return KeySlot(key_id, algorithm, parameter_set, generation, data[start + SLOT_HEADER.size : end])

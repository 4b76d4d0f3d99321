# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service makes of the key storage, and what it remembers of its keys (KEY-1 to KEY-3).

The numbered rules are those of docs/protocol.md, "Key storage".
"""

from collections import Counter
from dataclasses import dataclass
from hashlib import sha3_256
from struct import Struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.model import mldsa
from harness.model.error import ModelError
from harness.model.mlkem import DecapsulationKey
from harness.model.nonce_tracker import NonceTracker, TrackerState
from harness.protocol import commands as table
from harness.protocol.commands import Algorithm

_IMAGE_HEADER = Struct("<4sHHQ")
_SLOT_HEADER = Struct("<IHHII")


@dataclass(frozen=True, slots=True)
class StoredSlot:
    """A slot of the storage that carries a key id; `material` is None when the slot is not intact (rule 4)."""

    key_id: int
    algorithm: int
    parameter_set: int
    generation: int
    material: bytes | None

    @property
    def identity(self) -> tuple[int, int, int]:
        """What a rotation changes (rule 5)."""
        return self.generation, self.algorithm, self.parameter_set


class AesKey:
    """An AES key that the service remembers; `encryptions` (AES-2) and `nonces.recorded` may be set by tests."""

    __slots__ = ("cipher", "encryptions", "identity", "material", "nonces")

    def __init__(self, identity: tuple[int, int, int], material: bytes) -> None:
        self.identity = identity
        self.use(material)
        self.encryptions = 0
        self.nonces = NonceTracker()

    def use(self, material: bytes) -> None:
        """Takes this key material, which may change without a rotation."""
        self.material = material
        self.cipher = AESGCM(material)


class MlkemKey:
    """An ML-KEM slot that the service remembers; `generated` is what the last KEYGEN made, None before it (KEM-1)."""

    __slots__ = ("generated", "identity", "parameter_set")

    def __init__(self, identity: tuple[int, int, int], parameter_set: int) -> None:
        self.identity = identity
        self.parameter_set = parameter_set
        self.generated: DecapsulationKey | None = None


@dataclass(frozen=True, slots=True)
class MldsaKey:
    """An ML-DSA key as the storage has it at this moment: a seed or a public key. Nothing of it is remembered."""

    parameter_set: int
    material: bytes

    @property
    def seed(self) -> bytes | None:
        """The seed to sign with; None where the slot holds a public key alone (DSA-2)."""
        return self.material if len(self.material) == mldsa.SEED_SIZE else None

    @property
    def public_key(self) -> bytes:
        """The encoded public key, derived from the seed where there is one."""
        return self.material if self.seed is None else mldsa.public_key(self.parameter_set, self.seed)


@dataclass(frozen=True, slots=True)
class StoreState:
    """A key store's state at one moment; opaque to everybody else."""

    image: bytes
    slots: dict[int, StoredSlot] | None
    swept: bool
    aes_keys: tuple[tuple[int, AesKey, int, TrackerState], ...]
    mlkem_keys: tuple[tuple[int, MlkemKey, DecapsulationKey | None], ...]


class KeyStore:
    """Judges an image as each request that reaches check 6 finds it.

    `aes_keys` and `mlkem_keys` are what is remembered, by key id. Nothing happens when a new image is written: as in
    the service, the change shows at the next request that needs a key.
    """

    __slots__ = ("_image", "_slots", "_swept", "aes_keys", "mlkem_keys")

    aes_keys: dict[int, AesKey]
    mlkem_keys: dict[int, MlkemKey]

    def __init__(self, image: bytes) -> None:
        self.aes_keys = {}
        self.mlkem_keys = {}
        self.write(image)

    @property
    def image(self) -> bytes:
        """The key storage as it was last written, without the zeros that follow it."""
        return self._image

    def write(self, image: bytes) -> None:
        """Puts a new image into the storage; bytes behind its end are zero. ModelError when it does not fit."""
        if len(image) > table.KEY_STORAGE_SIZE:
            raise ModelError(
                f"a key image of {len(image)} bytes does not fit the {table.KEY_STORAGE_SIZE} of key storage"
            )
        self._image = bytes(image)
        self._slots: dict[int, StoredSlot] | None = _judge(self._image)
        self._swept = False

    def find_aes(self, key_id: int) -> AesKey | None:
        """The AES key of this id, or None for KEY_NOT_FOUND."""
        slot = self._find(key_id, Algorithm.AES)
        if slot is None or slot.material is None:
            return None
        key = self.aes_keys.get(key_id)
        if key is None and len(self.aes_keys) < table.KEY_AES_MAX:
            key = self.aes_keys[key_id] = AesKey(slot.identity, slot.material)
        elif key is not None and key.material != slot.material:
            key.use(slot.material)
        return key

    def find_mldsa(self, key_id: int) -> MldsaKey | None:
        """The ML-DSA key of this id, seed or public key (DSA-2), or None for KEY_NOT_FOUND."""
        slot = self._find(key_id, Algorithm.MLDSA)
        if slot is None or slot.material is None:
            return None
        return MldsaKey(slot.parameter_set, slot.material)

    def find_mlkem(self, key_id: int) -> MlkemKey | None:
        """The ML-KEM slot of this id, whether or not it has had its KEYGEN, or None for KEY_NOT_FOUND."""
        slot = self._find(key_id, Algorithm.MLKEM)
        if slot is None:
            return None
        return self.mlkem_keys.setdefault(key_id, MlkemKey(slot.identity, slot.parameter_set))

    def copied_material(self, key_id: int) -> bytes:
        """What a look-up of this id copies from the storage, intact or not; empty when it copies no slot."""
        if not key_id or self._slots is None or key_id not in self._slots:
            return b""
        image = self._image.ljust(table.KEY_STORAGE_SIZE, b"\0")
        for index in range(table.KEY_STORAGE_SLOTS):
            start = table.KEY_STORAGE_HEADER_SIZE + table.KEY_SLOT_STRIDE * index
            found, _algorithm, _set, _generation, length = _SLOT_HEADER.unpack_from(image, start)
            if found == key_id:
                start += table.KEY_SLOT_HEADER_SIZE
                return image[start : start + length] if length <= table.KEY_SLOT_MATERIAL_MAX else b""
        return b""

    def _find(self, key_id: int, algorithm: Algorithm) -> StoredSlot | None:
        """The intact slot of this id and algorithm, its material of the right length; what is remembered, brought up
        to date on the way. There is a place for every key id of an image, so that only AES keys can lack one."""
        if self._slots is None:  # rule 1
            return None
        remembered: tuple[dict[int, AesKey] | dict[int, MlkemKey], ...] = (self.aes_keys, self.mlkem_keys)
        if not self._swept:  # rule 2; once per image, as ids only come in through an image
            for keys in remembered:
                for gone in keys.keys() - self._slots.keys():
                    del keys[gone]
            self._swept = True
        slot = self._slots.get(key_id)
        if slot is None or slot.material is None:  # rules 3 and 4
            return None
        for keys in remembered:  # rule 5
            key = keys.get(key_id)
            if key is not None and key.identity != slot.identity:
                del keys[key_id]
        lengths = table.MATERIAL_LENGTHS.get((algorithm, slot.parameter_set), ())  # rule 6
        if slot.algorithm != algorithm or len(slot.material) not in lengths:
            return None
        return slot

    def snapshot(self) -> StoreState:
        """The present state; costs 512 references for each remembered AES key."""
        return StoreState(
            self._image,
            self._slots,
            self._swept,
            tuple((i, key, key.encryptions, key.nonces.snapshot()) for i, key in self.aes_keys.items()),
            tuple((i, key, key.generated) for i, key in self.mlkem_keys.items()),
        )

    def restore(self, state: StoreState) -> None:
        """Goes to any state that `snapshot` has returned."""
        self._image, self._slots, self._swept = state.image, state.slots, state.swept
        self.aes_keys = {}
        for key_id, key, encryptions, nonces in state.aes_keys:
            key.encryptions = encryptions
            key.nonces.restore(nonces)
            self.aes_keys[key_id] = key
        self.mlkem_keys = {}
        for key_id, slot, generated in state.mlkem_keys:
            slot.generated = generated
            self.mlkem_keys[key_id] = slot


def _judge(image: bytes) -> dict[int, StoredSlot] | None:
    """The slots that carry a key id, by id; None when the image does not parse (rule 1)."""
    image = image.ljust(table.KEY_STORAGE_SIZE, b"\0")
    magic, version, slot_count, reserved = _IMAGE_HEADER.unpack_from(image)
    if (magic, version, reserved) != (table.KEY_STORAGE_MAGIC, table.KEY_STORAGE_VERSION, 0):
        return None
    if slot_count > table.KEY_STORAGE_SLOTS:
        return None
    slots = [slot for slot in (_read_slot(image, index) for index in range(slot_count)) if slot.key_id != 0]
    if any(count > 1 for count in Counter(slot.key_id for slot in slots).values()):
        return None
    if sum(slot.algorithm == Algorithm.AES for slot in slots) > table.KEY_AES_MAX:
        return None
    return {slot.key_id: slot for slot in slots}


def _read_slot(image: bytes, index: int) -> StoredSlot:
    start = table.KEY_STORAGE_HEADER_SIZE + table.KEY_SLOT_STRIDE * index
    key_id, algorithm, parameter_set, generation, length = _SLOT_HEADER.unpack_from(image, start)
    material = None
    if length <= table.KEY_SLOT_MATERIAL_MAX:
        end = start + table.KEY_SLOT_HEADER_SIZE + length
        if image[end : end + table.KEY_DIGEST_SIZE] == sha3_256(image[start:end]).digest():
            material = image[start + table.KEY_SLOT_HEADER_SIZE : end]
    return StoredSlot(key_id, algorithm, parameter_set, generation, material)

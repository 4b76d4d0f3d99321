# SPDX-License-Identifier: GPL-2.0-or-later
"""Random ML-DSA and ML-KEM requests, built upon what the service has answered, and the slots that they need."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import mldsa

from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import RawRequest
from harness.protocol.commands import Algorithm
from harness.protocol.key_image import KeySlot

_RECENT = 16
_SEED = 32
_SECRET = 32
_RHO = 32
_Q = 3329

_MLDSA_SETS = (44, 65, 87)
_MLKEM_SETS = (512, 768, 1024)
_KEY_SIZES = {512: 800, 768: 1184, 1024: 1568}
_CIPHERTEXT_SIZES = {512: 768, 768: 1088, 1024: 1568}
_PRIVATE_KEYS: dict[int, type[mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey]] = {
    44: mldsa.MLDSA44PrivateKey,
    65: mldsa.MLDSA65PrivateKey,
    87: mldsa.MLDSA87PrivateKey,
}

# Round the blocks of the hash that takes context and message, and what is left of a payload.
_MESSAGE_LENGTHS = (0, 0, 1, 16, 69, 70, 71, 200, 206, 1000)
_CONTEXT_LENGTHS = (0, 0, 0, 1, 8, 254, 255)

Draw = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class _Signed:
    key_id: int
    context: bytes
    message: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class _Encapsulated:
    key_id: int
    ciphertext: bytes


class PostQuantumRequests:
    """Draws requests for the slots that `slots` returns, in whatever state the storage is."""

    def __init__(self, source: random.Random, slots: Callable[[], list[KeySlot]]) -> None:
        self._random = source
        self._slots = slots
        self._signed: list[_Signed] = []
        self._keys: list[tuple[int, bytes]] = []
        self._encapsulated: list[_Encapsulated] = []
        self._pending: Callable[[bytes], None] | None = None

    @property
    def requests(self) -> tuple[tuple[Draw, int], ...]:
        """What can be drawn, and how often. Signing costs the most by far, and is drawn the least."""
        return (
            (self._sign, 2),
            (self._verify, 5),
            (self._verify_damaged, 4),
            (self._keygen, 3),
            (self._encaps, 4),
            (self._encaps_bad, 3),
            (self._decaps, 5),
            (self._decaps_damaged, 5),
            (self._wrong_key, 3),
            (self._malformed, 5),
        )

    def learn(self, payload: bytes | None) -> None:
        """The payload of the answer to the last draw; None where it was no success."""
        if self._pending is not None and payload is not None:
            self._pending(payload)
        self._pending = None

    # ---- slots ----

    def draw_slots(self, draw_id: Callable[[], int]) -> list[KeySlot]:
        """Seeds, the public keys of some of them, ML-KEM slots: three to ten in all."""
        slots = []
        for _ in range(self._random.randint(1, 3)):
            number = self._random.choice(_MLDSA_SETS)
            seed, generation = self._random.randbytes(_SEED), self._random.getrandbits(32)
            slots.append(key_image.mldsa_slot(draw_id(), number, seed, generation))
            if self._random.random() < 0.6:
                slots.append(key_image.mldsa_slot(draw_id(), number, _public_key(number, seed), generation))
        for _ in range(self._random.randint(2, 4)):
            number, generation = self._random.choice(_MLKEM_SETS), self._random.getrandbits(32)
            slots.append(key_image.mlkem_slot(draw_id(), number, generation))
        return slots

    def fresh_material(self, slot: KeySlot) -> bytes:
        """Other material for a slot: a seed, or the public key of a slot with a seed, or bytes of its length."""
        if slot.algorithm == Algorithm.MLDSA and len(slot.material) != _SEED:
            number = slot.parameter_set
            seeds = [other.material for other in self._of(Algorithm.MLDSA) if len(other.material) == _SEED]
            return _public_key(number, self._random.choice([*seeds, self._random.randbytes(_SEED)]))
        return self._random.randbytes(len(slot.material))

    def _of(self, algorithm: Algorithm) -> list[KeySlot]:
        return [slot for slot in self._slots() if slot.algorithm == algorithm]

    def _any_id(self, algorithm: Algorithm, usual: int) -> int:
        """Mostly the usual key id, now and then that of another slot of the algorithm."""
        if self._random.random() < 0.8:
            return usual
        return self._random.choice(self._of(algorithm)).key_id

    # ---- ML-DSA ----

    def _message(self, room: int) -> bytes:
        if self._random.random() < 0.01:
            return self._random.randbytes(room - self._random.choice((0, 0, 1, 100)))
        return self._random.randbytes(self._random.choice(_MESSAGE_LENGTHS))

    def _sign(self) -> bytes:
        seeds = [slot for slot in self._of(Algorithm.MLDSA) if len(slot.material) == _SEED]
        if not seeds:
            return self._keygen()
        key_id = self._random.choice(seeds).key_id
        context = self._random.randbytes(self._random.choice(_CONTEXT_LENGTHS))
        message = self._message(table.MAX_PAYLOAD - 5 - len(context))

        def remember(signature: bytes) -> None:
            if len(context) + len(message) + len(signature) + 7 <= table.MAX_PAYLOAD:
                self._signed = [*self._signed[-_RECENT:], _Signed(key_id, context, message, signature)]

        self._pending = remember
        return codec.mldsa_sign(key_id, context, message)

    def _verify(self) -> bytes:
        if not self._signed:
            return self._sign()
        known = self._random.choice(self._signed)
        key_id = self._any_id(Algorithm.MLDSA, known.key_id)
        return codec.mldsa_verify(key_id, known.context, known.signature, known.message)

    def _verify_damaged(self) -> bytes:
        """A bit of the signature, a byte of its end, where the hints are, its length, the context or the message."""
        if not self._signed:
            return self._sign()
        known = self._random.choice(self._signed)
        signature, context, message = known.signature, known.context, known.message
        match self._random.randrange(6):
            case 0 | 1:
                signature = self._flipped(signature)
            case 2:
                place = len(signature) - 1 - self._random.randrange(84)
                signature = signature[:place] + self._random.randbytes(1) + signature[place + 1 :]
            case 3:
                signature = self._random.choice((signature[:-1], signature[1:], b"", signature[:2420]))
            case 4:
                context = context[1:] if context else b"\0"
            case _:
                message = self._flipped(message) if message else b"\0"
        return codec.mldsa_verify(known.key_id, context, signature, message)

    # ---- ML-KEM ----

    def _keygen(self) -> bytes:
        key_id = self._random.choice(self._of(Algorithm.MLKEM)).key_id

        def remember(key: bytes) -> None:
            self._keys = [*self._keys[-_RECENT:], (key_id, key)]

        self._pending = remember
        return codec.mlkem_keygen(key_id)

    def _encaps(self) -> bytes:
        if not self._keys:
            return self._keygen()
        key_id, key = self._random.choice(self._keys[-4:])

        def remember(payload: bytes) -> None:
            self._encapsulated = [*self._encapsulated[-_RECENT:], _Encapsulated(key_id, payload[:-_SECRET])]

        self._pending = remember
        return codec.mlkem_encaps(key)

    def _encaps_bad(self) -> bytes:
        """Coefficients at the border of what is reduced, lengths next to those of the table, bytes of no meaning."""
        size = self._random.choice(tuple(_KEY_SIZES.values()))
        kind = self._random.randrange(4)
        if kind == 0:
            return codec.mlkem_encaps(self._random.randbytes(size + self._random.choice((-1, 0, 1))))
        if kind == 1 or not self._keys:
            return codec.mlkem_encaps(bytes(size))
        key = self._random.choice(self._keys)[1]
        index = self._random.randrange((len(key) - _RHO) * 8 // 12)
        value = self._random.choice((_Q - 1, _Q, _Q + 1, 0xFFF))
        bits = int.from_bytes(key, "little") & ~(0xFFF << 12 * index) | value << 12 * index
        return codec.mlkem_encaps(bits.to_bytes(len(key), "little"))

    def _decaps(self) -> bytes:
        if not self._encapsulated:
            return self._encaps()
        known = self._random.choice(self._encapsulated[-6:])
        return codec.mlkem_decaps(self._any_id(Algorithm.MLKEM, known.key_id), known.ciphertext)

    def _decaps_damaged(self) -> bytes:
        """A bit of a genuine ciphertext, its length, or noise of a length that the slot takes or does not."""
        if not self._encapsulated or self._random.random() < 0.3:
            slot = self._random.choice(self._of(Algorithm.MLKEM))
            size = _CIPHERTEXT_SIZES[slot.parameter_set] + self._random.choice((-1, 0, 0, 0, 1))
            return codec.mlkem_decaps(slot.key_id, self._random.randbytes(size))
        known = self._random.choice(self._encapsulated[-6:])
        ciphertext = self._flipped(known.ciphertext)
        if self._random.random() < 0.2:
            ciphertext = self._random.choice((ciphertext[:-1], ciphertext + b"\0"))
        return codec.mlkem_decaps(known.key_id, ciphertext)

    # ---- both ----

    def _wrong_key(self) -> bytes:
        """Any slot's id, or none's, in any of the operations that name a key."""
        ids = [slot.key_id for slot in self._slots()]
        key_id = self._random.choice((*ids, 0, self._random.getrandbits(32)))
        return self._random.choice(
            (
                codec.mlkem_keygen(key_id),
                codec.mlkem_decaps(key_id, bytes(self._random.choice(tuple(_CIPHERTEXT_SIZES.values())))),
                codec.mldsa_verify(key_id, b"", bytes(self._random.choice((2420, 3309, 4627))), b""),
            )
        )

    def _malformed(self) -> bytes:
        """A request cut off, lengthened, with a byte near its start changed, or with a length that lies."""
        request = self._random.choice((self._verify, self._decaps, self._encaps, self._keygen))()
        self._pending = None
        payload = bytearray(request[table.HEADER_SIZE :])
        claimed = None
        match self._random.randrange(4):
            case 0:
                payload = payload[: self._random.randrange(min(len(payload), 300) + 1)]
            case 1:
                payload += self._random.randbytes(self._random.choice((1, 2, 4, 100)))
            case 2:
                place = self._random.randrange(min(len(payload), 270))
                payload[place] = self._random.randrange(256)
            case _:
                claimed = self._random.choice((0, 3, 4, 5, 6, 7, len(payload) - 1, len(payload) + 1, 65536, 65537))
        return RawRequest(request[2], bytes(payload[: table.MAX_PAYLOAD]), payload_length=claimed).encode()

    def _flipped(self, data: bytes) -> bytes:
        changed = bytearray(data)
        changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)


def _public_key(number: int, seed: bytes) -> bytes:
    return _PRIVATE_KEYS[number].from_seed_bytes(seed).public_key().public_bytes_raw()

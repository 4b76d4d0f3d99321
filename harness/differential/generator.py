# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sequences of actions, valid and malformed, from a seed: the same seed gives the same sequence."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.differential.actions import Action, Exchange, SetClock, Start, WriteKeys
from harness.differential.post_quantum import PostQuantumRequests
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import RawRequest, Response
from harness.protocol.commands import Algorithm, Status
from harness.protocol.key_image import KeyImage, KeySlot

_TAG = table.GCM_TAG_SIZE
_NONCE = table.GCM_NONCE_SIZE
_RECENT = 32

# Lengths at which a slip is likely: none, round one and two cipher blocks, and the largest that fit or do not.
_EDGE_LENGTHS = (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65)
_LONG_LENGTHS = (4096, 65501, 65502, 65503, 65507, 65508, 65509, 65529, 65530)


class Generator:
    """Draws one episode: actions for a service that boots with `start`. Answers fed to `learn` are built upon."""

    def __init__(self, seed: int, episode: int) -> None:
        self._random = random.Random(f"{seed}/{episode}")
        self._post_quantum = PostQuantumRequests(self._random, self._slots)
        self._image = self._draw_keys()
        self._now = 0
        self._burst = 0
        self._sealed: list[tuple[int, bytes, bytes, bytes]] = []
        self._sent: list[bytes] = []
        self._asked: tuple[int, bytes] | None = None
        self.start = Start(self._random.randbytes(table.ENTROPY_SIZE), self._image.build())
        self._requests: tuple[tuple[Callable[[], bytes], int], ...] = (
            (self._encrypt, 30),
            (self._decrypt_fresh, 22),
            (self._decrypt_own, 10),
            (self._decrypt_forged, 10),
            (self._replay, 6),
            (self._malformed_header, 8),
            (self._malformed_payload, 8),
            (self._other_type, 4),
            (self._noise, 2),
            *self._post_quantum.requests,
        )

    def actions(self) -> Iterator[Action]:
        """Actions without end; whoever iterates feeds each answer to `learn` before going on."""
        draws, weights = zip(*self._requests, strict=True)
        while True:
            yield self._clock()
            if self._random.random() < 0.01:
                yield self._key_change()
            request = self._random.choices(draws, weights)[0]()
            self._sent = [*self._sent[-_RECENT:], request]
            yield Exchange(request)

    def learn(self, response: Response) -> None:
        """Take note of an answer: what was sealed, signed or encapsulated can be sent back later."""
        self._post_quantum.learn(response.payload if response.status is Status.SUCCESS else None)
        if self._asked is not None and response.status is Status.SUCCESS:
            key_id, aad = self._asked
            sealed = response.payload
            self._sealed = [*self._sealed[-_RECENT:], (key_id, aad, sealed[:_NONCE], sealed[_NONCE:])]
        self._asked = None

    # ---- time and keys ----

    def _clock(self) -> SetClock:
        if self._burst == 0 and self._random.random() < 0.001:
            self._burst = self._random.randrange(90, 130)
        kind = self._random.random()
        if self._burst:
            self._burst -= 1
            self._now += self._random.choice((0, 0, 0, 1, 10))
        elif kind < 0.90:
            self._now += 1000
        elif kind < 0.94:
            self._now += self._random.randrange(0, 1000)
        elif kind < 0.98:
            self._now += self._random.choice((99_999, 100_000, 100_001, 1 << 32))
        else:
            self._now = max(0, self._now - self._random.randrange(0, 5000))
        return SetClock(self._now)

    def _draw_keys(self) -> KeyImage:
        ids = iter(self._random.sample(range(1, 1 << 32), table.KEY_STORAGE_SLOTS))
        slots: list[KeySlot | None] = [
            key_image.aes_slot(next(ids), self._random.randbytes(table.AES_KEY_SIZE), self._random.randrange(1 << 32))
            for _ in range(table.KEY_AES_MAX)
        ]
        slots += self._post_quantum.draw_slots(ids.__next__)
        slots += [None] * self._random.randrange(0, table.KEY_STORAGE_SLOTS - len(slots) + 1)
        self._random.shuffle(slots)
        return KeyImage(tuple(slots))

    def _key_change(self) -> WriteKeys:
        slot = self._random.choice(self._slots())
        index = self._image.slots.index(slot)
        match self._random.randrange(7):
            case 0 | 1:
                self._image = self._image.replaced(slot.rotated(self._post_quantum.fresh_material(slot)))
                return WriteKeys(self._image.build(), f"key {slot.key_id} rotated")
            case 2:
                part: key_image.SlotPart = self._random.choice(
                    ("key_id", "algorithm", "parameter_set", "generation", "material_length", "material", "digest")
                )
                raw = key_image.corrupt(self._image.build(), index, part)
                return WriteKeys(raw, f"{part} of key {slot.key_id} corrupted")
            case 3:
                damaged = bytearray(self._image.build())
                damaged[self._random.randrange(table.KEY_STORAGE_HEADER_SIZE)] ^= 1 << self._random.randrange(8)
                return WriteKeys(bytes(damaged), "header damaged")
            case 4:
                self._image = self._image.replaced(replace(slot, material=self._post_quantum.fresh_material(slot)))
                return WriteKeys(self._image.build(), f"material of key {slot.key_id} changed")
            case 5:
                without = tuple(other for other in self._image.slots if other is not slot)
                return WriteKeys(KeyImage(without).build(), f"key {slot.key_id} removed, those behind it moved up")
            case _:
                return WriteKeys(self._image.build(), "repaired")

    def _slots(self) -> list[KeySlot]:
        """Every key of the image as it should be."""
        return [slot for slot in self._image.slots if slot is not None]

    def _key(self) -> KeySlot:
        """An AES key."""
        return self._random.choice([slot for slot in self._slots() if slot.algorithm == Algorithm.AES])

    # ---- requests ----

    def _length(self) -> int:
        kind = self._random.random()
        if kind < 0.5:
            return self._random.choice(_EDGE_LENGTHS)
        return self._random.randrange(0, 512) if kind < 0.995 else self._random.choice(_LONG_LENGTHS)

    def _bytes(self) -> bytes:
        return self._random.randbytes(self._length())

    def _aad(self) -> bytes:
        return self._random.randbytes(self._random.choice(_EDGE_LENGTHS))

    def _encrypt(self) -> bytes:
        key_id, aad = self._key().key_id, self._aad()
        plaintext = self._bytes()[: table.MAX_PAYLOAD - 6 - len(aad)]
        self._asked = (key_id, aad)
        return codec.aes_encrypt(key_id, aad, plaintext)

    def _decrypt_fresh(self) -> bytes:
        key, aad = self._key(), self._aad()
        nonce = self._random.randbytes(_NONCE)
        sealed = AESGCM(key.material).encrypt(nonce, self._bytes()[: table.MAX_PAYLOAD - 34 - len(aad)], aad)
        return codec.aes_decrypt(key.key_id, nonce, aad, sealed[:-_TAG], sealed[-_TAG:])

    def _decrypt_own(self) -> bytes:
        if not self._sealed:
            return self._encrypt()
        key_id, aad, nonce, sealed = self._random.choice(self._sealed)
        if len(sealed) + len(aad) + 18 > table.MAX_PAYLOAD:
            return self._encrypt()
        return codec.aes_decrypt(key_id, nonce, aad, sealed[:-_TAG], sealed[-_TAG:])

    def _decrypt_forged(self) -> bytes:
        forged = bytearray(self._decrypt_fresh())
        position = self._random.randrange(table.HEADER_SIZE, len(forged))
        forged[position] ^= 1 << self._random.randrange(8)
        return bytes(forged)

    def _replay(self) -> bytes:
        return self._random.choice(self._sent) if self._sent else self._encrypt()

    def _malformed_header(self) -> bytes:
        request = bytearray(self._decrypt_fresh())
        position = self._random.randrange(table.HEADER_SIZE)
        request[position] = self._random.randrange(256)
        return bytes(request)

    def _malformed_payload(self) -> bytes:
        request = self._decrypt_fresh() if self._random.random() < 0.5 else self._encrypt()
        self._asked = None
        payload = request[table.HEADER_SIZE :]
        cut = payload[: self._random.randrange(0, min(len(payload), 48) + 1)]
        claimed = self._random.choice((None, len(payload), len(cut) + 1, 65536, 65537, 0xFFFF_FFFF))
        return RawRequest(request[2], cut, payload_length=claimed).encode()

    def _other_type(self) -> bytes:
        return RawRequest(self._random.randrange(256), self._bytes()[:1024]).encode()

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randrange(0, 64))

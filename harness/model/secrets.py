# SPDX-License-Identifier: GPL-2.0-or-later
"""The secrets that a request brings into play (SEC-1), as whoever searches memory for them wants them: as bytes.

The model fills a `SecretsInPlay` when it is asked to; without one, nothing of this is computed. What is derived is
derived here from the standards, in their encodings: round keys as the words of FIPS 197, keys as FIPS 203 and FIPS 204
encode them. What a firmware makes of them in forms of its own, no list can name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha3_256, sha3_512
from typing import Literal

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB

from harness.model import mldsa, mlkem
from harness.model.drbg import BLOCK_SIZE, CtrDrbg, DrbgState

# What SEC-1 lets a service keep: the key cache, the state of the generator, and the key that the generator's first draw
# has given to the nonce tracker.
Place = Literal["key cache", "generator", "hash key"]
PLACES: tuple[Place, ...] = ("key cache", "generator", "hash key")

_DERIVED = 32  # results that are kept for each derivation


@dataclass(frozen=True, slots=True)
class Secret:
    """`value` must be nowhere in the service's memory but in the places named."""

    name: str
    value: bytes
    places: tuple[Place, ...] = ()


class SecretsInPlay:
    """The secrets of one boot and of the last request."""

    def __init__(self, entropy: bytes, hash_key: bytes) -> None:
        initial = CtrDrbg(entropy).state
        self._standing = (
            Secret("entropy", entropy),
            *_before_draw(initial),
            Secret("nonce hash key", hash_key, ("hash key",)),
        )
        self._generator: DrbgState | None = None
        self._current: tuple[Secret, ...] = ()
        self._secrets: list[Secret] = []

    def begin(self) -> None:
        """The next request: what the last one brought is forgotten."""
        self._secrets.clear()

    def end(self, generator: DrbgState) -> None:
        """The request is done; `generator` is the state that the service may keep."""
        if generator != self._generator:
            self._generator = generator
            self._current = (
                Secret("generator key", generator.key, ("generator",)),
                Secret("generator V", generator.v.to_bytes(BLOCK_SIZE), ("generator",)),
            )

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that is in play: of the boot, of the generator, of the last request."""
        return (*self._standing, *self._current, *self._secrets)

    def note(self, secrets: Iterable[Secret]) -> None:
        """More secrets of this request."""
        self._secrets.extend(secrets)

    # ---- what the operations bring ----

    def draw(self, before: DrbgState) -> None:
        """The state that a draw has replaced. What was drawn, the operations name."""
        self.note(_before_draw(before))

    def drawn_nonce(self, nonce: bytes) -> None:
        """The nonce of an encryption: public once it is sent, and of no more use then (SP 800-38D, section 8.2)."""
        self.note((Secret("drawn nonce", nonce),))

    def stored(self, material: bytes) -> None:
        """The material of a slot that was copied: an AES key or a seed; public keys are longer."""
        if len(material) == mldsa.SEED_SIZE:
            self.note((Secret("key material", material),))

    def plaintext(self, plaintext: bytes) -> None:
        """A message to be encrypted, whether or not it comes to that."""
        self.note((Secret("plaintext", plaintext),))

    def aes(self, key: bytes, nonce: bytes) -> None:
        """AES-256-GCM under this key."""
        self.note(_aes_secrets(key))
        self.note((Secret("tag mask", _aes(key, nonce + b"\0\0\0\1")),))

    def decryption(self, key: bytes, nonce: bytes, ciphertext: bytes) -> None:
        """What a ciphertext decrypts to, even when its tag is wrong and nobody must see that (AES-3)."""
        self.aes(key, nonce)
        self.plaintext(Cipher(AES256(key), CTR(nonce + b"\0\0\0\2")).decryptor().update(ciphertext))

    def mldsa_key(self, parameter_set: int, seed: bytes) -> None:
        """An ML-DSA seed that was expanded."""
        self.note(_mldsa_key_secrets(parameter_set, seed))

    def mldsa_signature(self, parameter_set: int, seed: bytes, context: bytes, message: bytes, rnd: bytes) -> None:
        """A signature: the seed of its masks, and the masks of the first attempt."""
        self.mldsa_key(parameter_set, seed)
        mask_seed, masks = mldsa.mask_secrets(parameter_set, seed, context, message, rnd)
        self.note((Secret("ML-DSA rnd", rnd), Secret("ML-DSA mask seed (rho'')", mask_seed)))
        self.note(Secret("ML-DSA mask (y)", struct.pack("<256i", *mask)) for mask in masks)

    def mlkem_key(self, key: mlkem.DecapsulationKey) -> None:
        """A decapsulation key in use."""
        pke_size = len(key.encapsulation_key) - 32
        self.note(
            (
                Secret("ML-KEM decapsulation key", key.encoded[:pke_size], ("key cache",)),
                Secret("ML-KEM z", key.encoded[-mlkem.SEED_SIZE :], ("key cache",)),
            )
        )

    def mlkem_keygen(self, parameter_set: int, d: bytes, key: mlkem.DecapsulationKey) -> None:
        """Key generation from d; its z is the key's."""
        sigma = sha3_512(d + bytes([mlkem.RANKS[parameter_set]])).digest()[32:]
        self.note((Secret("ML-KEM d", d), Secret("ML-KEM sigma", sigma)))
        self.mlkem_key(key)

    def mlkem_encaps(self, encapsulation_key: bytes, m: bytes) -> None:
        """Encapsulation of m (FIPS 203, algorithm 17)."""
        self._mlkem_message(m, sha3_256(encapsulation_key).digest(), "")

    def mlkem_decaps(self, key: mlkem.DecapsulationKey, ciphertext: bytes, secret: bytes) -> None:
        """Decapsulation (algorithm 18): what was decrypted, its secret, and the one that was returned."""
        self.mlkem_key(key)
        self._mlkem_message(mlkem.decrypt(key, ciphertext), key.encoded[-64:-32], "'")
        self.note((Secret("shared secret", secret),))

    def _mlkem_message(self, m: bytes, hash_of_key: bytes, mark: str) -> None:
        both = sha3_512(m + hash_of_key).digest()
        names = (f"ML-KEM m{mark}", f"shared secret (K{mark})", f"ML-KEM r{mark}")
        self.note(Secret(name, value) for name, value in zip(names, (m, both[:32], both[32:]), strict=True))


def _aes(key: bytes, block: bytes) -> bytes:
    return Cipher(AES256(key), ECB()).encryptor().update(block)


@lru_cache(_DERIVED)
def _before_draw(state: DrbgState) -> tuple[Secret, ...]:
    """What a draw starts from, and must not leave: the V of the start is the first block's counter less one."""
    return (
        Secret("earlier generator key", state.key),
        Secret("earlier generator V", state.v.to_bytes(BLOCK_SIZE)),
        *round_keys(state.key, "generator round keys"),
    )


@lru_cache(_DERIVED)
def _aes_secrets(key: bytes) -> tuple[Secret, ...]:
    return (Secret("AES key", key), *round_keys(key, "AES round keys"), Secret("GHASH key", _aes(key, bytes(16))))


@lru_cache(_DERIVED)
def _mldsa_key_secrets(parameter_set: int, seed: bytes) -> tuple[Secret, ...]:
    rho_prime, key_seed, polynomials = mldsa.key_secrets(parameter_set, seed)
    return (
        Secret("ML-DSA seed", seed),
        Secret("ML-DSA rho'", rho_prime),
        Secret("ML-DSA K", key_seed, ("key cache",)),
        Secret("ML-DSA s1, s2, t0", polynomials, ("key cache",)),
    )


# ---- the key schedule of FIPS 197, section 5.2, which libraries keep to themselves ----


def _sbox() -> bytes:
    """Section 5.1.1: the inverse in GF(2^8), then the affine map; by way of logarithms to the base 3."""
    powers = [1]
    for _ in range(254):
        x = powers[-1]
        powers.append(x ^ (x << 1 ^ (0x11B if x & 0x80 else 0)))
    box = bytearray([0x63] * 256)
    for exponent, value in enumerate(powers):
        inverse = powers[-exponent % 255]
        spread = inverse * 0x101
        box[value] = 0x63 ^ inverse ^ (spread >> 4 ^ spread >> 5 ^ spread >> 6 ^ spread >> 7) & 0xFF
    return bytes(box)


_SBOX = _sbox()


def expand_aes256(key: bytes) -> bytes:
    """The 240 bytes of round keys of a key of 32 bytes (KeyExpansion with Nk = 8)."""
    words = [key[i : i + 4] for i in range(0, 32, 4)]
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = bytes((word[1:] + word[:1]).translate(_SBOX))
            word = bytes([word[0] ^ 1 << i // 8 - 1]) + word[1:]
        elif i % 8 == 4:
            word = word.translate(_SBOX)
        words.append(bytes(a ^ b for a, b in zip(words[-8], word, strict=True)))
    return b"".join(words)


def round_keys(key: bytes, name: str) -> tuple[Secret, ...]:
    """The expanded key behind the key itself, its bytes in the order of the standard and as little-endian words."""
    expanded = expand_aes256(key)[len(key) :]
    swapped = struct.pack(f"<{len(expanded) // 4}I", *struct.unpack(f">{len(expanded) // 4}I", expanded))
    return (Secret(name, expanded), Secret(name, swapped))

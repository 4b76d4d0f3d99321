# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys and the entropy that the bench's own runs start from; public by nature, for tests alone."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric import mldsa

from harness.protocol import commands as table
from harness.protocol import key_image
from harness.protocol.key_image import KeyImage

ENTROPY = bytes(range(1, 1 + table.ENTROPY_SIZE))

# The ids of the default key image, those of ML-DSA and ML-KEM by parameter set.
AES_KEY_ID = 1
SECOND_AES_KEY_ID = 2
MLDSA_KEY_IDS = {44: 0x44, 65: 0x65, 87: 0x87}
MLDSA_PUBLIC_KEY_IDS = {44: 0x144, 65: 0x165, 87: 0x187}
MLKEM_KEY_IDS = {512: 0x512, 768: 0x768, 1024: 0x1024}
UNKNOWN_KEY_ID = 0x0BAD_F00D

# The seeds of the default ML-DSA keys. The slots that hold a public key alone hold those of other people's seeds.
MLDSA_SEEDS = {number: bytes(range(key_id, key_id + 32)) for number, key_id in MLDSA_KEY_IDS.items()}
PEER_MLDSA_SEEDS = {number: seed[::-1] for number, seed in MLDSA_SEEDS.items()}

_PrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
_PRIVATE_KEYS: dict[int, type[_PrivateKey]] = {
    44: mldsa.MLDSA44PrivateKey,
    65: mldsa.MLDSA65PrivateKey,
    87: mldsa.MLDSA87PrivateKey,
}


@cache
def mldsa_public_key(parameter_set: int, seed: bytes) -> bytes:
    """The encoded public key that belongs to a seed of 32 bytes, by pyca/cryptography."""
    return _PRIVATE_KEYS[parameter_set].from_seed_bytes(seed).public_key().public_bytes_raw()


def default_keys() -> KeyImage:
    """Two AES keys; of each parameter set an ML-DSA seed, a public key of somebody else, an empty ML-KEM slot."""
    return KeyImage(
        (
            key_image.aes_slot(AES_KEY_ID, bytes(range(0x40, 0x60))),
            None,
            key_image.aes_slot(SECOND_AES_KEY_ID, bytes(range(0x80, 0xA0)), generation=7),
            *(key_image.mldsa_slot(MLDSA_KEY_IDS[number], number, seed) for number, seed in MLDSA_SEEDS.items()),
            *(
                key_image.mldsa_slot(MLDSA_PUBLIC_KEY_IDS[number], number, mldsa_public_key(number, seed))
                for number, seed in PEER_MLDSA_SEEDS.items()
            ),
            *(key_image.mlkem_slot(key_id, number) for number, key_id in MLKEM_KEY_IDS.items()),
        )
    )

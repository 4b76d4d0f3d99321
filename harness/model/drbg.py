# SPDX-License-Identifier: GPL-2.0-or-later
"""CTR_DRBG with AES-256, without derivation function (NIST SP 800-90A Rev. 1, section 10.2.1)."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from harness.model.error import ModelError

KEY_SIZE = 32
BLOCK_SIZE = 16
SEED_SIZE = KEY_SIZE + BLOCK_SIZE
REQUEST_MAX = 1 << 16  # bytes in one generate call (SP 800-90A, table 3)
RESEED_INTERVAL = 1 << 48  # generate calls on one seed (the same table)

_BLOCK_MASK = (1 << 8 * BLOCK_SIZE) - 1
_UPDATE_BLOCKS = SEED_SIZE // BLOCK_SIZE


@dataclass(frozen=True, slots=True)
class DrbgState:
    """The working state of section 10.2.1.1: Key, V as an integer, and the count of generate calls plus one."""

    key: bytes
    v: int
    reseed_counter: int


class CtrDrbg:
    """A generator seeded with 48 bytes of full entropy; no personalisation, no additional input, no reseeding."""

    __slots__ = ("state",)

    state: DrbgState

    def __init__(self, entropy: bytes) -> None:
        """Instantiate (section 10.2.1.3.1)."""
        if len(entropy) != SEED_SIZE:
            raise ModelError(f"the generator is seeded with {SEED_SIZE} bytes, not {len(entropy)}")
        seed = _keystream(bytes(KEY_SIZE), 0, _UPDATE_BLOCKS)
        mixed = (int.from_bytes(seed) ^ int.from_bytes(entropy)).to_bytes(SEED_SIZE)
        self.state = DrbgState(mixed[:KEY_SIZE], int.from_bytes(mixed[KEY_SIZE:]), 1)

    def generate(self, count: int) -> bytes:
        """One generate call for `count` bytes (section 10.2.1.5.1).

        The update that ends the call goes on with the same key and counter, so output and new state are one run of
        the block cipher. Raises ModelError for over 2^16 bytes or past the reseed interval.
        """
        state = self.state
        if not 0 <= count <= REQUEST_MAX:
            raise ModelError(f"one generate call gives 0 to {REQUEST_MAX} bytes, not {count}")
        if state.reseed_counter > RESEED_INTERVAL:
            raise ModelError("the generator has reached its reseed interval: reset the model")
        blocks = -(-count // BLOCK_SIZE)
        stream = _keystream(state.key, state.v, blocks + _UPDATE_BLOCKS)
        end_key = len(stream) - BLOCK_SIZE
        key = stream[end_key - KEY_SIZE : end_key]
        self.state = DrbgState(key, int.from_bytes(stream[end_key:]), state.reseed_counter + 1)
        return stream[:count]


def _keystream(key: bytes, v: int, blocks: int) -> bytes:
    """AES-256 of V + 1 to V + blocks, counting modulo 2^128."""
    counters = b"".join([((v + i) & _BLOCK_MASK).to_bytes(BLOCK_SIZE) for i in range(1, blocks + 1)])
    return Cipher(AES256(key), ECB()).encryptor().update(counters)

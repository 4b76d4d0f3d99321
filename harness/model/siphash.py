# SPDX-License-Identifier: GPL-2.0-or-later
"""SipHash-2-4 with a 128-bit result (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012)."""

from struct import Struct

from harness.model.error import ModelError

KEY_SIZE = 16

_MASK = (1 << 64) - 1
_TWO_WORDS = Struct("<QQ")

# The initial state is the key xored with "somepseudorandomlygeneratedbytes", four big-endian words.
_INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)

_State = tuple[int, int, int, int]


def siphash24_128(key: bytes, data: bytes) -> bytes:
    """The 16-byte hash of `data` under a key of 16 bytes."""
    return _TWO_WORDS.pack(*siphash24_128_words(key, data))


def siphash24_128_words(key: bytes, data: bytes) -> tuple[int, int]:
    """The hash as its two 64-bit halves, first half first, each read little-endian."""
    if len(key) != KEY_SIZE:
        raise ModelError(f"a SipHash key has {KEY_SIZE} bytes, not {len(key)}")
    k0, k1 = _TWO_WORDS.unpack(key)
    v0, v1, v2, v3 = k0 ^ _INITIAL[0], k1 ^ _INITIAL[1], k0 ^ _INITIAL[2], k1 ^ _INITIAL[3]
    v1 ^= 0xEE  # what tells the 128-bit variant from the 64-bit one
    whole = len(data) & ~7
    for start in range(0, whole, 8):
        word = int.from_bytes(data[start : start + 8], "little")
        v0, v1, v2, v3 = _rounds(v0, v1, v2, v3 ^ word, 2)
        v0 ^= word
    # The last word: the bytes left over, and the length modulo 256 in the top byte.
    word = int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56
    v0, v1, v2, v3 = _rounds(v0, v1, v2, v3 ^ word, 2)
    v0, v1, v2, v3 = _rounds(v0 ^ word, v1, v2 ^ 0xEE, v3, 4)
    first = v0 ^ v1 ^ v2 ^ v3
    v0, v1, v2, v3 = _rounds(v0, v1 ^ 0xDD, v2, v3, 4)
    return first, v0 ^ v1 ^ v2 ^ v3


def _rounds(v0: int, v1: int, v2: int, v3: int, count: int) -> _State:
    """`count` times SipRound; rotations are written out because a call each would double the time."""
    for _ in range(count):
        v0 = (v0 + v1) & _MASK
        v1 = ((v1 << 13) & _MASK | v1 >> 51) ^ v0
        v0 = (v0 << 32) & _MASK | v0 >> 32
        v2 = (v2 + v3) & _MASK
        v3 = ((v3 << 16) & _MASK | v3 >> 48) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = ((v3 << 21) & _MASK | v3 >> 43) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = ((v1 << 17) & _MASK | v1 >> 47) ^ v2
        v2 = (v2 << 32) & _MASK | v2 >> 32
    return v0, v1, v2, v3

# SPDX-License-Identifier: GPL-2.0-or-later
"""The Bloom filter of used nonces, one per AES key (NON-1 to NON-4)."""

from dataclasses import dataclass

from harness.model.siphash import siphash24_128_words
from harness.protocol.commands import NONCE_FILTER_BITS, NONCE_FILTER_HASHES, NONCE_WINDOW

# The filter is kept in chunks that snapshots share until the next write to them; a chunk never written is _ZERO.
_CHUNK_SIZE = 4096
_CHUNK_SHIFT = 15  # bit index -> chunk: 4096 bytes have 2^15 bits
_CHUNK_COUNT = NONCE_FILTER_BITS >> _CHUNK_SHIFT
_ZERO = bytes(_CHUNK_SIZE)

Chunk = bytes | bytearray


def filter_indexes(hash_key: bytes, nonce: bytes) -> list[int]:
    """The eleven bits of `nonce`: h1 + i * h2 mod 2^24, h1 and h2 the halves of its SipHash (NON-3)."""
    h1, h2 = siphash24_128_words(hash_key, nonce)
    return [(h1 + i * h2) & (NONCE_FILTER_BITS - 1) for i in range(NONCE_FILTER_HASHES)]


@dataclass(frozen=True, slots=True)
class TrackerState:
    """A tracker's state at one moment; opaque to everybody else."""

    recorded: int
    chunks: tuple[Chunk, ...]


class NonceTracker:
    """The nonces used under one key since its last rotation; `recorded` counts them and may be set by tests."""

    __slots__ = ("_chunks", "_owned", "recorded")

    recorded: int
    _chunks: list[Chunk]
    _owned: set[int]

    def __init__(self) -> None:
        self.restore(TrackerState(0, (_ZERO,) * _CHUNK_COUNT))

    def refuses(self, indexes: list[int]) -> bool:
        """Whether a nonce with these bits is NONCE_REUSE: all bits set, or the window is full (NON-4)."""
        if self.recorded >= NONCE_WINDOW:
            return True
        return all(self._chunks[i >> _CHUNK_SHIFT][(i >> 3) & (_CHUNK_SIZE - 1)] >> (i & 7) & 1 for i in indexes)

    def record(self, indexes: list[int]) -> None:
        """Remembers a nonce whose tag has verified (NON-2)."""
        for index in indexes:
            number = index >> _CHUNK_SHIFT
            chunk = self._chunks[number]
            if number not in self._owned or isinstance(chunk, bytes):
                chunk = bytearray(chunk)
                self._chunks[number] = chunk
                self._owned.add(number)
            chunk[(index >> 3) & (_CHUNK_SIZE - 1)] |= 1 << (index & 7)
        self.recorded += 1

    def bits(self) -> bytes:
        """The whole filter, 2 MiB; bit b is bit `b mod 8` of byte `b div 8`."""
        return b"".join(self._chunks)

    def snapshot(self) -> TrackerState:
        """The present state, at the cost of 512 references; chunks are copied when they are next written."""
        self._owned.clear()
        return TrackerState(self.recorded, tuple(self._chunks))

    def restore(self, state: TrackerState) -> None:
        """Goes to any state that `snapshot` has returned, earlier or later."""
        self.recorded = state.recorded
        self._chunks = list(state.chunks)
        self._owned = set()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealed files, written and opened with the key in hand: a second implementation of docs/protocol.md, "Sealed files".

The firmware's client library does the same through the service and never sees a key. This one is written from the
description of the format alone, so that the two prove each other. Sizes are bytes, integers little-endian.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"HILS"
VERSION = 1
CHUNK_SIZE = 61440
NONCE_SIZE = 12
TAG_SIZE = 16

# magic, version, reserved, key_id
HEADER = struct.Struct("<4sHHI")
# length of the plaintext, nonce, tag
HEAD = struct.Struct(f"<I{NONCE_SIZE}s{TAG_SIZE}s")


class SealedFileError(ValueError):
    """Bytes that are no sealed file, or not one that this key has sealed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in a file; the end record has no ciphertext."""

    nonce: bytes
    tag: bytes
    ciphertext: bytes = b""

    def encode(self) -> bytes:
        """Head and ciphertext."""
        return HEAD.pack(len(self.ciphertext), self.nonce, self.tag) + self.ciphertext


def chunk_aad(index: int) -> bytes:
    """The additional data of the chunk with this index, from 0 (CLI-2)."""
    return b"chunk:%d" % index


def end_aad(chunks: int) -> bytes:
    """The additional data of the end record of a file of so many chunks (CLI-3)."""
    return b"end:%d" % chunks


def draw_nonce() -> bytes:
    """A nonce from the operating system's generator."""
    return os.urandom(NONCE_SIZE)


def seal(key: bytes, key_id: int, plaintext: bytes, nonce: Callable[[], bytes] = draw_nonce) -> bytes:
    """The sealed file of `plaintext` under the 32-byte AES key `key`, which the service knows as `key_id` (u32).

    `nonce` is called for 12 bytes once a record. Raises SealedFileError when the key id does not fit.
    """
    if not 0 <= key_id < 1 << 32:
        raise SealedFileError(f"key id {key_id} does not fit a u32: give 0 to {(1 << 32) - 1}")
    cipher = AESGCM(key)
    chunks = [plaintext[start : start + CHUNK_SIZE] for start in range(0, len(plaintext), CHUNK_SIZE)]
    messages = [(chunk, chunk_aad(index)) for index, chunk in enumerate(chunks)]
    messages.append((b"", end_aad(len(chunks))))
    records = (_encrypt(cipher, nonce(), text, aad).encode() for text, aad in messages)
    return HEADER.pack(MAGIC, VERSION, 0, key_id) + b"".join(records)


def key_id_of(sealed: bytes) -> int:
    """The key id in the header, which nothing vouches for before the file has been opened; or SealedFileError."""
    if len(sealed) < HEADER.size:
        raise SealedFileError(f"the file is cut off in its header: {len(sealed)} bytes of {HEADER.size} are there")
    magic, version, reserved, key_id = HEADER.unpack_from(sealed)
    if magic != MAGIC:
        raise SealedFileError(f"this is no sealed file: it begins with {magic!r}, not {MAGIC!r}")
    if version != VERSION or reserved:
        raise SealedFileError(f"format version {version}, reserved {reserved} is not known: {VERSION} and 0 are")
    return int(key_id)


def records_of(sealed: bytes) -> tuple[Record, ...]:
    """The records, end record included, with their framing checked and nothing decrypted; or SealedFileError."""
    key_id_of(sealed)
    return tuple(_records(sealed))


def open_sealed(key: bytes, sealed: bytes) -> bytes:
    """The plaintext of a whole sealed file. Raises SealedFileError when a byte of it is not as it was sealed."""
    *chunks, end = records_of(sealed)
    cipher = AESGCM(key)
    plaintext = b"".join(
        _decrypt(cipher, record, chunk_aad(index), f"chunk {index}") for index, record in enumerate(chunks)
    )
    _decrypt(cipher, end, end_aad(len(chunks)), "the end record")
    return plaintext


def _encrypt(cipher: AESGCM, nonce: bytes, text: bytes, aad: bytes) -> Record:
    sealed = cipher.encrypt(nonce, text, aad)
    return Record(nonce, sealed[-TAG_SIZE:], sealed[:-TAG_SIZE])


def _decrypt(cipher: AESGCM, record: Record, aad: bytes, name: str) -> bytes:
    try:
        return cipher.decrypt(record.nonce, record.ciphertext + record.tag, aad)
    except InvalidTag:
        raise SealedFileError(f"{name} is not authentic: altered, moved, or sealed under another key") from None


def _records(sealed: bytes) -> Iterator[Record]:
    position = HEADER.size
    previous = CHUNK_SIZE
    while True:
        if position + HEAD.size > len(sealed):
            raise SealedFileError(f"the file is cut off at byte {len(sealed)}, before its end record")
        length, nonce, tag = HEAD.unpack_from(sealed, position)
        if length > CHUNK_SIZE or (length and previous < CHUNK_SIZE):
            raise SealedFileError(f"byte {position}: no chunk of {length} bytes can follow one of {previous}")
        position += HEAD.size
        if position + length > len(sealed):
            raise SealedFileError(f"the file is cut off at byte {len(sealed)}, inside a chunk")
        yield Record(nonce, tag, sealed[position : position + length])
        position += length
        if not length:
            break
        previous = length
    if position != len(sealed):
        raise SealedFileError(f"{len(sealed) - position} bytes follow the end record: nothing may")

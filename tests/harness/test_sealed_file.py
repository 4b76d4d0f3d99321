# SPDX-License-Identifier: GPL-2.0-or-later
"""The opener and sealer that have the key: the format byte for byte, and every refusal by its message.

That they and the firmware's client library understand each other is tested in tests/firmware/client.
"""

from collections.abc import Callable
from itertools import count

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.sealed_file import CHUNK_SIZE, HEADER, Record, SealedFileError, key_id_of, open_sealed, records_of, seal

KEY = bytes(range(32))


def numbered(start: int = 0) -> Callable[[], bytes]:
    numbers = count(start)
    return lambda: next(numbers).to_bytes(12, "little")


def test_a_small_file_byte_for_byte() -> None:
    cipher = AESGCM(KEY)
    chunk = cipher.encrypt(bytes(12), b"text", b"chunk:0")
    end = cipher.encrypt(b"\1" + bytes(11), b"", b"end:1")
    sealed = seal(KEY, 0x01020304, b"text", numbered())
    assert sealed == (
        bytes.fromhex("48494c53 0100 0000 04030201")
        + bytes.fromhex("04000000" + "00" * 12)
        + chunk[4:]
        + chunk[:4]
        + bytes.fromhex("00000000" + "01" + "00" * 11)
        + end
    )
    assert key_id_of(sealed) == 0x01020304
    assert records_of(sealed) == (Record(bytes(12), chunk[4:], chunk[:4]), Record(b"\1" + bytes(11), end))


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
def test_round_trip(size: int) -> None:
    plaintext = bytes(i % 251 for i in range(size))
    sealed = seal(KEY, 7, plaintext)
    assert open_sealed(KEY, sealed) == plaintext
    lengths = [len(record.ciphertext) for record in records_of(sealed)]
    assert lengths[-1] == 0
    assert all(length == CHUNK_SIZE for length in lengths[:-2])


def test_nonces_are_drawn_anew() -> None:
    nonces = {record.nonce for _ in range(4) for record in records_of(seal(KEY, 7, bytes(CHUNK_SIZE + 1)))}
    assert len(nonces) == 12


@pytest.mark.parametrize(
    ("sealed", "message"),
    [
        (b"HILS", "cut off in its header"),
        (b"HILX" + bytes(8), "no sealed file"),
        (HEADER.pack(b"HILS", 2, 0, 7), "version 2"),
        (HEADER.pack(b"HILS", 1, 1, 7), "reserved 1"),
        (HEADER.pack(b"HILS", 1, 0, 7), "before its end record"),
        (seal(KEY, 7, b"text")[:-1], "before its end record"),
        (seal(KEY, 7, b"text")[:47], "inside a chunk"),
        (seal(KEY, 7, b"text") + b"\0", "1 bytes follow"),
        (HEADER.pack(b"HILS", 1, 0, 7) + (CHUNK_SIZE + 1).to_bytes(4, "little") + bytes(99999), "no chunk of 61441"),
        (
            HEADER.pack(b"HILS", 1, 0, 7) + 2 * Record(bytes(12), bytes(16), b"ab").encode(),
            "no chunk of 2 bytes can follow one of 2",
        ),
        (seal(bytes(32), 7, b"text"), "chunk 0 is not authentic"),
        (seal(KEY, 7, b"text")[:48] + seal(KEY, 7, b"")[12:], "the end record is not authentic"),
    ],
)
def test_what_is_not_as_it_was_sealed_is_refused(sealed: bytes, message: str) -> None:
    with pytest.raises(SealedFileError, match=message):
        open_sealed(KEY, sealed)


@pytest.mark.parametrize("key_id", [-1, 1 << 32])
def test_a_key_id_has_four_bytes(key_id: int) -> None:
    with pytest.raises(SealedFileError, match="does not fit"):
        seal(KEY, key_id, b"")

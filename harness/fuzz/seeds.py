# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts that do something sensible, from the protocol's table: the first corpus, and what the mutator puts in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import shake_128
from itertools import pairwise

from harness.default_keys import (
    AES_KEY_ID,
    MLDSA_KEY_IDS,
    MLDSA_PUBLIC_KEY_IDS,
    MLKEM_KEY_IDS,
    SECOND_AES_KEY_ID,
    UNKNOWN_KEY_ID,
)
from harness.fuzz import script as s
from harness.fuzz.key_images import key_images
from harness.fuzz.script import Step
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import FieldKind

_AES_KEY_IDS = (AES_KEY_ID, SECOND_AES_KEY_ID)
_KEY_IDS = (
    *_AES_KEY_IDS,
    *MLDSA_KEY_IDS.values(),
    *MLDSA_PUBLIC_KEY_IDS.values(),
    *MLKEM_KEY_IDS.values(),
    UNKNOWN_KEY_ID,
)
_SHORT = 200  # bytes
_NONCE, _TAG, _SECRET = table.GCM_NONCE_SIZE, table.GCM_TAG_SIZE, table.MLKEM_SECRET_SIZE


def _request(request: bytes) -> list[Step]:
    """A request of the codec, sent."""
    return [*s.literal(request[table.HEADER_SIZE :]), s.send(request[2])]


def encrypt(key_id: int, aad: bytes = b"", plaintext: bytes = b"") -> list[Step]:
    """AES_ENCRYPT."""
    return _request(codec.aes_encrypt(key_id, aad, plaintext))


def decrypt(key_id: int, aad: bytes = b"", back: int = 0) -> list[Step]:
    """AES_DECRYPT of what AES_ENCRYPT has answered `back` exchanges ago."""
    head, tail = key_id.to_bytes(4, "little"), len(aad).to_bytes(2, "little") + aad
    nonce, rest = s.replay(back, 0, _NONCE), s.replay(back, _NONCE)
    return [*s.literal(head), nonce, *s.literal(tail), rest, s.send(table.AES_DECRYPT.code)]


def sign(key_id: int, context: bytes = b"", message: bytes = b"") -> list[Step]:
    """MLDSA_SIGN."""
    return _request(codec.mldsa_sign(key_id, context, message))


def verify(key_id: int, length: int, context: bytes = b"", message: bytes = b"", back: int = 0) -> list[Step]:
    """MLDSA_VERIFY of the signature, `length` bytes, that was answered `back` exchanges ago."""
    head = key_id.to_bytes(4, "little") + bytes((len(context),)) + context + length.to_bytes(2, "little")
    return [*s.literal(head), s.replay(back), *s.literal(message), s.send(table.MLDSA_VERIFY.code)]


def keygen(key_id: int) -> list[Step]:
    """MLKEM_KEYGEN."""
    return _request(codec.mlkem_keygen(key_id))


def encaps(back: int = 0) -> list[Step]:
    """MLKEM_ENCAPS to the encapsulation key that was answered `back` exchanges ago."""
    return [s.replay(back), s.send(table.MLKEM_ENCAPS.code)]


def decaps(key_id: int, back: int = 0) -> list[Step]:
    """MLKEM_DECAPS of the ciphertext that was answered `back` exchanges ago."""
    return [*s.literal(key_id.to_bytes(4, "little")), s.replay(back, 0, -_SECRET), s.send(table.MLKEM_DECAPS.code)]


def _aes() -> Iterator[list[Step]]:
    for key_id in _AES_KEY_IDS:
        yield encrypt(key_id, b"", b"sixteen bytes ..")
        yield encrypt(key_id, b"header", b"a plaintext of more than one block of AES, that is")
        yield decrypt(key_id)
        yield [*encrypt(key_id, b"header", b"text"), *decrypt(key_id, b"header")]
        yield [*encrypt(key_id), *decrypt(key_id), *decrypt(key_id, back=1)]
        *opening, last = decrypt(key_id)
        yield [*encrypt(key_id, b"", b"text"), *opening, s.flip(-1), last]
    head = s.literal(AES_KEY_ID.to_bytes(4, "little") + b"\0\0")
    yield [*head, s.fill(1000, 0x41), s.send(table.AES_ENCRYPT.code)]
    yield encrypt(AES_KEY_ID, b"", shake_128(b"a plaintext without equal bytes").digest(600))
    yield [*head, s.fill(table.AES_PLAINTEXT_MAX), s.send(table.AES_ENCRYPT.code)]


def _post_quantum() -> Iterator[list[Step]]:
    for number, key_id in MLKEM_KEY_IDS.items():
        yield [*keygen(key_id), *encaps(), *decaps(key_id)]
        yield keygen(key_id)
        yield decaps(key_id)
        sizes = table.MLKEM_SIZES[number]
        wrong = [*s.literal(key_id.to_bytes(4, "little")), s.fill(sizes.ciphertext), s.send(table.MLKEM_DECAPS.code)]
        yield [*keygen(key_id), *wrong]
        yield [s.fill(sizes.encapsulation_key), s.send(table.MLKEM_ENCAPS.code)]
    yield encaps()
    for number, key_id in MLDSA_KEY_IDS.items():
        length = table.MLDSA_SIZES[number].signature
        yield [*sign(key_id, b"ctx", b"message"), *verify(key_id, length, b"ctx", b"message")]
        head = key_id.to_bytes(4, "little") + b"\0" + length.to_bytes(2, "little")
        yield [*s.literal(head), s.fill(length), s.send(table.MLDSA_VERIFY.code)]


def _without_key() -> Iterator[list[Step]]:
    """Requests whose every field is there, to a key that is not: all that reads them runs, and nothing costly."""
    yield encrypt(UNKNOWN_KEY_ID, b"header", b"text")
    yield _request(codec.aes_decrypt(UNKNOWN_KEY_ID, bytes(_NONCE), b"header", b"text", bytes(_TAG)))
    yield sign(UNKNOWN_KEY_ID, b"context", b"message")
    yield _request(codec.mldsa_verify(UNKNOWN_KEY_ID, b"context", b"signature", b"message"))
    yield _request(codec.mlkem_decaps(UNKNOWN_KEY_ID, b"ciphertext"))


def _around() -> Iterator[list[Step]]:
    """Everything but a sound request."""
    for command in table.COMMANDS:
        yield [*s.literal(codec.encode_request(command.code)), s.send_raw()]
    yield from _without_key()
    yield [s.send(0x7F)]
    for command in table.COMMANDS:
        yield [s.send(command.code)]
    yield [s.claim(table.MAX_PAYLOAD + 1), s.send(table.AES_ENCRYPT.code)]
    for image in range(len(key_images())):
        yield [s.keys(image), s.repeat(1)]
    yield [s.ring()]
    yield [*s.literal(bytes(4)), s.window(0), s.ring()]
    yield [s.repeat(1)]
    yield [s.clock(table.RATE_COOLDOWN_US), s.repeat(1)]
    yield [s.clock(-1), s.repeat(1)]
    yield [s.race(4), *encrypt(AES_KEY_ID, b"aad", b"plaintext")]


@cache
def snippets() -> Sequence[bytes]:
    """Scripts to put into others; the cheap ones come more than once, so that they come more often."""
    aes, around = [s.encode(steps) for steps in _aes()], [s.encode(steps) for steps in _around()]
    short = [script for script in aes + around if len(script) <= _SHORT]
    return tuple(20 * short + 4 * aes + [s.encode(steps) for steps in _post_quantum()])


@cache
def first_corpus(raw: bool = False) -> Sequence[bytes]:
    """A script of each kind; of raw inputs, a request of each operation."""
    if raw:
        return tuple(_requests())
    kinds = (*_aes(), *_post_quantum(), *_around(), [s.send(0x7F), s.repeat(101)])
    return tuple(dict.fromkeys(s.encode(steps) for steps in kinds))


def _requests() -> Iterator[bytes]:
    """What needs nothing that was answered before, nor more than a raw input holds."""
    yield codec.aes_encrypt(AES_KEY_ID, b"header", b"a plaintext")
    yield codec.aes_decrypt(AES_KEY_ID, bytes(_NONCE), b"header", b"no ciphertext", bytes(_TAG))
    for number, key_id in MLDSA_KEY_IDS.items():
        yield codec.mldsa_sign(key_id, b"context", b"message")
        yield codec.mldsa_verify(key_id, b"context", bytes(table.MLDSA_SIZES[number].signature), b"message")
    for number, key_id in MLKEM_KEY_IDS.items():
        yield codec.mlkem_keygen(key_id)
        yield codec.mlkem_encaps(bytes(table.MLKEM_SIZES[number].encapsulation_key))
        yield codec.mlkem_decaps(key_id, bytes(table.MLKEM_SIZES[number].ciphertext))
    yield codec.encode_request(0x7F)


@cache
def tokens() -> Sequence[bytes]:
    """Bytes that mean something to the service: ids, lengths, headers."""
    words = {key_id.to_bytes(4, "little") for key_id in _KEY_IDS}
    headers = {codec.encode_request(command.code)[:4] for command in table.COMMANDS}
    lengths = {sizes.signature for sizes in table.MLDSA_SIZES.values()} | {16, 255, 0xFFFF}
    lengths |= {size for sizes in table.MLKEM_SIZES.values() for size in (sizes.ciphertext, sizes.encapsulation_key)}
    halves = {length.to_bytes(2, "little") for length in lengths}
    wholes = {length.to_bytes(4, "little") for length in (*lengths, table.MAX_PAYLOAD, table.MAX_PAYLOAD + 1)}
    return tuple(sorted(words | headers | halves | wholes))


def counted_fields() -> Sequence[tuple[int, int, int]]:
    """Type, place in the payload and size of every length in front of what it counts, where that place is fixed."""
    found = []
    for command in table.COMMANDS:
        at = 0
        for field, following in pairwise(command.request):
            if following.kind is FieldKind.COUNTED and following.length_field == field.name:
                found.append((command.code, at, field.size))
            if not field.size:
                break
            at += field.size
    return tuple(found)


def grammar() -> bytes:
    """Counted fields and snippets in the form that the mutator reads where no Python is (afl_mutator.c)."""
    fields, texts = counted_fields(), snippets()
    head = len(fields).to_bytes(4, "little") + b"".join(map(bytes, fields))
    return head + b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def dictionary() -> str:
    """The tokens in the form that libFuzzer and AFL++ read."""
    lines = ('"' + "".join(f"\\x{byte:02X}" for byte in token) + '"' for token in tokens())
    return "\n".join(lines) + "\n"

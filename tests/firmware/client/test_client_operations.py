# SPDX-License-Identifier: GPL-2.0-or-later
"""Each operation as a call: its request on the way, its answer apart in the caller's buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.protocol import codec
from harness.protocol.codec import Response
from harness.protocol.commands import Status

SIGNATURE_LENGTHS = (2420, 3309, 4627)
ENCAPSULATION_KEY_TO_CIPHERTEXT = {800: 768, 1184: 1088, 1568: 1568}


def pattern(size: int) -> bytes:
    return bytes(i * 7 % 251 for i in range(size))


def success(payload: bytes) -> Response:
    return Response(Status.SUCCESS, payload)


def test_aes_round_trip_through_the_model(library: Any, model_link: Any) -> None:
    ffi, lib = library.ffi, library.lib
    text = library.buffer(5)
    encrypted = ffi.new("struct client_encrypted *", {"text": text.struct[0]})
    aad = library.bytes(b"aad")
    assert lib.client_aes_encrypt(model_link.client, 7, aad, library.bytes(b"hello"), encrypted) == lib.CLIENT_OK
    assert encrypted.text.length == 5
    fields = {
        "nonce": encrypted.nonce,
        "aad": aad,
        "text": {"data": encrypted.text.data, "length": 5},
        "tag": encrypted.tag,
    }
    ciphertext = ffi.new("struct client_ciphertext *", fields)
    plaintext = library.buffer(5)
    assert lib.client_aes_decrypt(model_link.client, 7, ciphertext, plaintext.struct) == lib.CLIENT_OK
    assert plaintext.content == b"hello"
    again = lib.client_aes_decrypt(model_link.client, 7, ciphertext, plaintext.struct)
    assert (again, model_link.client.status) == (lib.CLIENT_REFUSED, Status.NONCE_REUSE)
    assert plaintext.content == b""
    assert model_link.clean


def test_encrypt_needs_room_for_the_ciphertext(library: Any, answering: Callable[..., Any]) -> None:
    text = library.buffer(4)
    encrypted = library.ffi.new("struct client_encrypted *", {"text": text.struct[0]})
    link = answering(success(bytes(33)))
    none = library.bytes(b"")
    result = library.lib.client_aes_encrypt(link.client, 7, none, library.bytes(b"hello"), encrypted)
    assert (library.result(result), encrypted.text.length, link.sent) == ("CLIENT_NO_ROOM", 0, [])


@pytest.mark.parametrize("length", SIGNATURE_LENGTHS)
def test_sign(library: Any, answering: Callable[..., Any], length: int) -> None:
    link = answering(success(pattern(length)))
    signature = library.buffer(4627)
    context, message = library.bytes(b"ctx"), library.bytes(b"message")
    result = library.lib.client_mldsa_sign(link.client, 3, context, message, signature.struct)
    assert library.result(result) == "CLIENT_OK"
    assert signature.content == pattern(length)
    assert link.sent == [codec.mldsa_sign(3, b"ctx", b"message")]
    assert link.clean


def test_a_signature_that_does_not_fit_is_lost(library: Any, answering: Callable[..., Any]) -> None:
    link = answering(success(pattern(4627)))
    signature = library.buffer(4626)
    none = library.bytes(b"")
    result = library.lib.client_mldsa_sign(link.client, 3, none, none, signature.struct)
    assert library.result(result) == "CLIENT_NO_ROOM"
    assert signature.untouched
    assert link.clean


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (success(b""), "CLIENT_OK"),
        (success(b"\0"), "CLIENT_MALFORMED"),
        (Response(Status.CRYPTO_ERROR), "CLIENT_REFUSED"),
    ],
)
def test_verify(library: Any, answering: Callable[..., Any], answer: Response, result: str) -> None:
    link = answering(answer)
    context, signature, message = library.bytes(b"c"), library.bytes(pattern(2420)), library.bytes(b"m")
    assert library.result(library.lib.client_mldsa_verify(link.client, 3, context, signature, message)) == result
    assert link.sent == [codec.mldsa_verify(3, b"c", pattern(2420), b"m")]
    assert link.clean


@pytest.mark.parametrize("length", ENCAPSULATION_KEY_TO_CIPHERTEXT)
def test_keygen(library: Any, answering: Callable[..., Any], length: int) -> None:
    link = answering(success(pattern(length)))
    key = library.buffer(1568)
    assert library.result(library.lib.client_mlkem_keygen(link.client, 3, key.struct)) == "CLIENT_OK"
    assert key.content == pattern(length)
    assert link.sent == [codec.mlkem_keygen(3)]


@pytest.mark.parametrize(("length", "ciphertext_length"), ENCAPSULATION_KEY_TO_CIPHERTEXT.items())
def test_encaps(library: Any, answering: Callable[..., Any], length: int, ciphertext_length: int) -> None:
    link = answering(success(pattern(ciphertext_length) + b"s" * 32))
    ciphertext, secret = library.buffer(2000), library.ffi.new("uint8_t[32]")
    key = library.bytes(pattern(length))
    assert library.result(library.lib.client_mlkem_encaps(link.client, key, ciphertext.struct, secret)) == "CLIENT_OK"
    assert (ciphertext.content, bytes(secret)) == (pattern(ciphertext_length), b"s" * 32)
    assert link.sent == [codec.mlkem_encaps(pattern(length))]
    assert link.clean


def test_encaps_with_a_key_of_no_parameter_set_can_only_be_refused(library: Any, answering: Callable[..., Any]) -> None:
    for answer, result in (
        (success(bytes(32)), "CLIENT_MALFORMED"),
        (success(b""), "CLIENT_MALFORMED"),
        (Response(Status.INVALID_PAYLOAD), "CLIENT_REFUSED"),
    ):
        link = answering(answer)
        ciphertext, secret = library.buffer(0), library.ffi.new("uint8_t[32]", b"\xaa" * 32)
        key = library.bytes(bytes(801))
        got = library.lib.client_mlkem_encaps(link.client, key, ciphertext.struct, secret)
        assert library.result(got) == result
        assert bytes(secret) == b"\xaa" * 32


def test_decaps(library: Any, answering: Callable[..., Any]) -> None:
    link = answering(success(b"s" * 32))
    secret = library.ffi.new("uint8_t[32]")
    ciphertext = library.bytes(pattern(1088))
    assert library.result(library.lib.client_mlkem_decaps(link.client, 3, ciphertext, secret)) == "CLIENT_OK"
    assert bytes(secret) == b"s" * 32
    assert link.sent == [codec.mlkem_decaps(3, pattern(1088))]
    assert link.clean


def test_a_field_that_no_request_can_carry_is_a_bad_argument(library: Any, answering: Callable[..., Any]) -> None:
    link = answering(success(b""))
    signature = library.buffer(4627)
    context, none = library.bytes(bytes(256)), library.bytes(b"")
    assert library.lib.client_mldsa_sign(link.client, 1, context, none, signature.struct) == 1
    assert library.lib.client_mldsa_verify(link.client, 1, context, none, none) == 1
    assert link.sent == []

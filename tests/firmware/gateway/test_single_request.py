# SPDX-License-Identifier: GPL-2.0-or-later
"""Single requests of all seven types through the gateway's ARM image: payload in, payload out."""

from __future__ import annotations

from typing import Any

import pytest

from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.host_port import Result


def payload(request: bytes) -> bytes:
    return request[table.HEADER_SIZE :]


# A request, and a payload of the length that its answer has.
REQUESTS = [
    (codec.aes_encrypt(7, b"aad", b"plaintext"), 12 + 9 + 16),
    (codec.aes_encrypt(7, b"", bytes(table.AES_PLAINTEXT_MAX)), table.MAX_PAYLOAD),
    (codec.aes_decrypt(7, b"n" * 12, b"aad", b"ciphertext", b"t" * 16), 10),
    (codec.mldsa_sign(3, b"context", b"message"), 3309),
    (codec.mldsa_verify(3, b"context", b"s" * 3309, b"message"), 0),
    (codec.mlkem_keygen(4), 1184),
    (codec.mlkem_encaps(b"k" * 1184), 1088 + 32),
    (codec.mlkem_decaps(4, b"c" * 1088), 32),
]


@pytest.mark.parametrize(("request_bytes", "length"), REQUESTS, ids=lambda value: "")
def test_the_request_goes_out_and_the_answer_comes_back(gateway: Any, request_bytes: bytes, length: int) -> None:
    answer = bytes(i * 7 % 251 for i in range(length))
    gateway.answer = lambda request: codec.encode_response(Response(Status.SUCCESS, answer))
    outcome = gateway.do(request_bytes[2], payload(request_bytes))
    assert (outcome.result, outcome.status, outcome.output) == (Result.OK, Status.SUCCESS, answer)
    assert gateway.requests == [request_bytes]
    assert gateway.window_clean


def test_aes_by_the_model(gateway: Any) -> None:
    outcome = gateway.do(0x01, payload(codec.aes_encrypt(7, b"aad", b"plaintext")))
    nonce, ciphertext, tag = outcome.output[:12], outcome.output[12:-16], outcome.output[-16:]
    opened = gateway.do(0x02, payload(codec.aes_decrypt(7, nonce, b"aad", ciphertext, tag)))
    assert (opened.result, opened.output) == (Result.OK, b"plaintext")
    again = gateway.do(0x02, payload(codec.aes_decrypt(7, nonce, b"aad", ciphertext, tag)))
    assert (again.result, again.status, again.output) == (Result.REFUSED, Status.NONCE_REUSE, b"")


def test_more_plaintext_than_an_answer_holds_is_not_sent(gateway: Any) -> None:
    outcome = gateway.do(0x01, payload(codec.aes_encrypt(7, b"", bytes(table.AES_PLAINTEXT_MAX + 1))))
    assert (outcome.result, outcome.output, gateway.requests) == (Result.NO_ROOM, b"", [])


# All but MLKEM_ENCAPS: there every input is an encapsulation key, if maybe of a wrong length.
STRUCTURED = [command for command in table.COMMANDS if command is not table.MLKEM_ENCAPS]


@pytest.mark.parametrize("command", STRUCTURED, ids=lambda command: command.name)
def test_an_input_that_is_no_payload_of_its_type_is_not_sent(gateway: Any, command: table.Command) -> None:
    short = gateway.do(command.code, bytes(command.minimum_payload - 1))
    assert short.result is Result.BAD_ARGUMENT
    if command.minimum_payload > 4:
        lying = gateway.do(command.code, b"\xff" * command.minimum_payload)
        assert lying.result is Result.BAD_ARGUMENT
    assert gateway.requests == []


def test_keygen_takes_a_key_id_and_nothing_else(gateway: Any) -> None:
    assert gateway.do(0x20, bytes(5)).result is Result.BAD_ARGUMENT


def test_a_malformed_answer_gives_nothing_out(gateway: Any) -> None:
    gateway.answer = lambda request: b"\xc8\x01\x00\x00\xff\xff\xff\xff" + b"\xee" * 65536
    outcome = gateway.do(0x20, bytes(4))
    assert (outcome.result, outcome.output) == (Result.MALFORMED, b"")
    assert gateway.window_clean

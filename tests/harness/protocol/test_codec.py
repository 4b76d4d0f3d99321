# SPDX-License-Identifier: GPL-2.0-or-later
"""Round trips of the codec, and its refusals."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocol import codec
from harness.protocol.codec import CodecError, RawRequest, Response
from harness.protocol.commands import AES_DECRYPT, AES_ENCRYPT, COMMANDS, MLKEM_DECAPS, Command, FieldKind, Status

SUCCESS = bytes.fromhex("c801000003000000") + b"abc"


@st.composite
def command_values(draw: st.DrawFn) -> tuple[Command, dict[str, int | bytes]]:
    """A command and a value for each field of its request that does not count another."""
    command = draw(st.sampled_from(COMMANDS))
    counters = {field.length_field for field in command.request}
    values: dict[str, int | bytes] = {}
    for field in command.request:
        if field.name in counters:
            continue
        if field.kind is FieldKind.INTEGER:
            values[field.name] = draw(st.integers(0, (1 << 8 * field.size) - 1))
        elif field.kind is FieldKind.FIXED:
            values[field.name] = draw(st.binary(min_size=field.size, max_size=field.size))
        else:
            values[field.name] = draw(st.binary(max_size=200))
    return command, values


@given(command_values())
def test_requests_round_trip(case: tuple[Command, dict[str, int | bytes]]) -> None:
    command, values = case
    request = codec.encode_command(command, **values)
    assert request[:4] == bytes([0xC7, 1, command.code, 0])
    assert int.from_bytes(request[4:8], "little") == len(request) - 8
    decoded = codec.decode_payload(command.request, request[8:])
    assert {name: decoded[name] for name in values} == values


@given(command_values(), st.binary(max_size=80))
def test_payloads_decode_or_are_refused(case: tuple[Command, Any], payload: bytes) -> None:
    command, _ = case
    try:
        values = codec.decode_payload(command.request, payload)
    except CodecError:
        return
    assert codec.encode_payload(command.request, values) == payload


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_responses_round_trip(payload: bytes, behind: bytes) -> None:
    response = Response(Status.SUCCESS, payload)
    assert codec.decode_response(codec.encode_response(response) + behind) == response


@pytest.mark.parametrize("status", list(Status))
def test_statuses_round_trip(status: Status) -> None:
    assert codec.decode_response(codec.encode_response(Response(status))) == Response(status)


@given(st.binary(max_size=40))
def test_any_bytes_decode_or_are_refused(area: bytes) -> None:
    try:
        response = codec.decode_response(area)
    except CodecError:
        return
    assert area.startswith(codec.encode_response(response))


def test_area_types() -> None:
    for area in (SUCCESS, bytearray(SUCCESS), memoryview(SUCCESS)):
        response = codec.decode_response(area)
        assert response == Response(Status.SUCCESS, b"abc")
        assert type(response.payload) is bytes


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 0xC7, "magic is 0xC7"),
        (1, 2, "version is 2"),
        (2, 10, "status 0x0A is not"),
        (3, 0x80, "flags are 0x80"),
        (2, 5, "CRYPTO_ERROR carries a payload of 3 bytes"),
        (4, 4, "cut off: 11 bytes are there, its header claims 12"),
        (6, 1, "payload_length is 65539"),
    ],
)
def test_malformed_responses(position: int, value: int, message: str) -> None:
    area = bytearray(SUCCESS)
    area[position] = value
    with pytest.raises(CodecError, match=message):
        codec.decode_response(area)


def test_response_without_header() -> None:
    with pytest.raises(CodecError, match="7 bytes has no whole header"):
        codec.decode_response(SUCCESS[:7])


def test_raw_request_takes_every_header() -> None:
    raw = RawRequest(0x99, b"xy", magic=1, version=2, flags=3, payload_length=0xFFFF_FFFF)
    assert raw.encode() == bytes([1, 2, 0x99, 3, 255, 255, 255, 255]) + b"xy"


@pytest.mark.parametrize(
    ("field", "value"), [("type", 256), ("magic", -1), ("version", 256), ("flags", 256), ("payload_length", 1 << 32)]
)
def test_raw_request_refuses_what_does_not_fit(field: str, value: int) -> None:
    fields: dict[str, Any] = {"type": 1, field: value}
    with pytest.raises(CodecError, match=field):
        RawRequest(**fields).encode()


def test_longest_request() -> None:
    assert len(codec.encode_request(1, bytes(65536))) == 65544
    with pytest.raises(CodecError, match="65537 bytes is too long"):
        codec.encode_request(1, bytes(65537))


def test_length_fields_can_lie() -> None:
    request = codec.encode_command(AES_ENCRYPT, key_id=1, aad_length=500, aad=b"ab", plaintext=b"")
    assert request[8:] == bytes.fromhex("01000000f4016162")
    with pytest.raises(CodecError, match="aad ends behind the payload of 8 bytes"):
        codec.decode_payload(AES_ENCRYPT.request, request[8:])


def test_payload_of_fixed_fields_alone() -> None:
    with pytest.raises(CodecError, match="1 bytes follow the last field"):
        codec.decode_payload(MLKEM_DECAPS.response, bytes(33))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nonce": bytes(11)}, "nonce has 11 bytes: give 12"),
        ({"key_id": 1 << 32}, "key_id 4294967296 does not fit"),
        ({"key_id": b"1"}, "key_id is missing or no integer"),
        ({"aad": 5}, "aad is missing or no bytes"),
        ({"aad": bytes(65536)}, "aad_length 65536 does not fit"),
        ({"salt": b""}, "no such field: salt"),
    ],
)
def test_unfitting_values(change: dict[str, Any], message: str) -> None:
    values = {"key_id": 1, "nonce": bytes(12), "aad": b"", "ciphertext": b"", "tag": bytes(16), **change}
    with pytest.raises(CodecError, match=message):
        codec.encode_command(AES_DECRYPT, **values)


def test_missing_value() -> None:
    with pytest.raises(CodecError, match="plaintext is missing"):
        codec.encode_command(AES_ENCRYPT, key_id=1, aad=b"")


def test_each_operation_has_its_function() -> None:
    assert codec.aes_encrypt(1, b"a", b"p")[8:] == bytes.fromhex("01000000 0100") + b"ap"
    assert codec.aes_decrypt(1, bytes(12), b"a", b"c", bytes(16))[8:] == b"\1\0\0\0" + bytes(12) + b"\1\0ac" + bytes(16)
    assert codec.mldsa_sign(1, b"c", b"m")[8:] == b"\1\0\0\0\1cm"
    assert codec.mldsa_verify(1, b"c", b"ss", b"m")[8:] == b"\1\0\0\0\1c\2\0ssm"
    assert codec.mlkem_keygen(1)[8:] == b"\1\0\0\0"
    assert codec.mlkem_encaps(b"ek")[8:] == b"ek"
    assert codec.mlkem_decaps(1, b"c")[8:] == b"\1\0\0\0c"


def test_results_of_refusals() -> None:
    with pytest.raises(CodecError, match="AES_ENCRYPT was answered with NONCE_REUSE"):
        codec.decode_result(AES_ENCRYPT, Response(Status.NONCE_REUSE))

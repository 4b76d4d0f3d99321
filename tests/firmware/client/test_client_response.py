# SPDX-License-Identifier: GPL-2.0-or-later
"""The response parser against the codec: both accept the same bytes and read the same out of them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import CodecError, Response
from harness.protocol.commands import Status


def parse(library: Any, area: bytes) -> Response | None:
    """What the C code reads out of `area`, the payload taken in three pieces; None where it refuses."""
    ffi, lib = library.ffi, library.lib
    memory = library.memory(area)
    response = ffi.new("struct client_response *")
    if not lib.client_response_begin(response, memory, len(area)):
        return None
    payload = b""
    for size in (response.length // 3, response.length // 2):
        payload += take(library, response, size)
    payload += take(library, response, response.remaining)
    assert response.remaining == 0
    assert not lib.client_response_take(response, memory, 1)
    return Response(Status(response.status), payload)


def take(library: Any, response: Any, size: int) -> bytes:
    piece = library.ffi.new("uint8_t[]", size) if size else library.ffi.NULL
    assert library.lib.client_response_take(response, piece, size)
    return bytes(library.ffi.buffer(piece, size)) if size else b""


def decode(area: bytes) -> Response | None:
    try:
        return codec.decode_response(area)
    except CodecError:
        return None


headers = st.builds(
    struct.Struct("<BBBBI").pack,
    st.sampled_from([0xC8, 0xC8, 0xC8, 0xC7, 0]) | st.integers(0, 255),
    st.sampled_from([1, 1, 1, 0, 2]) | st.integers(0, 255),
    st.integers(0, 11) | st.integers(0, 255),
    st.sampled_from([0, 0, 0, 1]) | st.integers(0, 255),
    st.integers(0, 70)
    | st.sampled_from([table.MAX_PAYLOAD, table.MAX_PAYLOAD + 1, 0x7FFF_FFFF, 0xFFFF_FFF8, 0xFFFF_FFFF])
    | st.integers(0, 0xFFFF_FFFF),
)
areas = st.binary(max_size=20) | st.builds(lambda header, rest: header + rest, headers, st.binary(max_size=90))


@settings(max_examples=1500, deadline=None)
@given(area=areas)
@example(area=b"")
@example(area=bytes.fromhex("c80100000000"))
@example(area=codec.encode_response(Response(Status.SUCCESS, b"payload")))
@example(area=codec.encode_response(Response(Status.SUCCESS, b"payload"))[:-1])
@example(area=codec.encode_response(Response(Status.PAYLOAD_TOO_LARGE)))
@example(area=codec.encode_response(Response(Status.RATE_LIMITED, b"x")))
def test_accepts_exactly_what_the_codec_accepts(library: Any, area: bytes) -> None:
    assert parse(library, area) == decode(area)


@pytest.mark.parametrize("length", [table.MAX_PAYLOAD - 1, table.MAX_PAYLOAD, table.MAX_PAYLOAD + 1])
def test_the_longest_payload(library: Any, length: int) -> None:
    area = codec.encode_response(Response(Status.SUCCESS, bytes(length)))
    assert parse(library, area) == decode(area)
    assert (parse(library, area) is None) == (length > table.MAX_PAYLOAD)


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("length", [0, 1])
def test_every_value_of_every_byte_before_the_length(library: Any, position: int, length: int) -> None:
    sound = codec.encode_response(Response(Status.SUCCESS, bytes(length)))
    for value in range(256):
        area = sound[:position] + bytes([value]) + sound[position + 1 :]
        assert parse(library, area) == decode(area)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("length", [0, 1])
def test_an_error_with_a_payload_is_malformed(library: Any, status: Status, length: int) -> None:
    area = codec.encode_response(Response(status, bytes(length)))
    assert (parse(library, area) is None) == (length > 0 and status is not Status.SUCCESS)


def test_what_the_client_judges_is_its_copy(library: Any) -> None:
    """The header is not read again: a length that grows behind the check changes nothing."""
    ffi, lib = library.ffi, library.lib
    area = library.memory(codec.encode_response(Response(Status.SUCCESS, b"abcd")))
    response = ffi.new("struct client_response *")
    assert lib.client_response_begin(response, area, 12)
    ffi.buffer(area)[4:8] = b"\xff\xff\xff\xff"
    assert response.length == 4
    piece = ffi.new("uint8_t[]", 5)
    assert not lib.client_response_take(response, piece, 5)
    assert bytes(ffi.buffer(piece)) == bytes(5)
    assert lib.client_response_take(response, piece, 4)
    assert bytes(ffi.buffer(piece)) == b"abcd\0"

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the library seals, an opener that has the key opens; and the order of a sealing's calls (CLI-2, CLI-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import sealed_file
from harness.protocol.codec import Response
from harness.protocol.commands import Status

KEY = bytes(range(32))
CHUNK = 61440


@pytest.mark.clause("CLI-2")
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 16 << 20])
def test_the_independent_opener_opens_it(files: Any, pattern: Callable[[int], bytes], size: int) -> None:
    sealed = files.seal(pattern(size))
    chunks = -(-size // CHUNK)
    assert len(sealed) == 12 + size + 32 * (chunks + 1)
    assert sealed_file.key_id_of(sealed) == 7
    assert sealed_file.open_sealed(KEY, sealed) == pattern(size)
    assert files.link.clean


def test_the_header_byte_for_byte(files: Any) -> None:
    assert files.seal(b"", key_id=7)[:12] == bytes.fromhex("48494c53 0100 0000 07000000")


def begin(library: Any, link: Any) -> Any:
    seal, header = library.ffi.new("struct client_seal *"), library.ffi.new("uint8_t[12]")
    library.lib.client_seal_begin(seal, link.client, 7, header)
    return seal


def chunk(library: Any, seal: Any, plaintext: bytes, room: int | None = None) -> tuple[str, Any]:
    record = library.buffer(len(plaintext) + 32 if room is None else room)
    result = library.lib.client_seal_chunk(seal, library.bytes(plaintext), record.struct)
    return library.result(result), record


def end(library: Any, seal: Any, room: int = 32) -> tuple[str, Any]:
    record = library.buffer(room)
    return library.result(library.lib.client_seal_end(seal, record.struct)), record


@pytest.mark.clause("CLI-2")
def test_only_the_last_chunk_may_be_short_and_none_is_empty_or_too_long(library: Any, model_link: Any) -> None:
    seal = begin(library, model_link)
    for bad in (b"", bytes(CHUNK + 1)):
        result, record = chunk(library, seal, bad)
        assert result == "CLIENT_BAD_ARGUMENT"
        assert record.untouched
    assert chunk(library, seal, bytes(CHUNK))[0] == "CLIENT_OK"
    assert chunk(library, seal, b"short")[0] == "CLIENT_OK"
    assert chunk(library, seal, b"one more")[0] == "CLIENT_BAD_ARGUMENT"
    assert end(library, seal)[0] == "CLIENT_OK"
    assert end(library, seal)[0] == "CLIENT_BAD_ARGUMENT"
    assert chunk(library, seal, b"one more")[0] == "CLIENT_BAD_ARGUMENT"
    assert len(model_link.sent) == 3


def test_a_record_without_room_changes_nothing(library: Any, model_link: Any) -> None:
    seal = begin(library, model_link)
    result, record = chunk(library, seal, b"abc", room=34)
    assert result == "CLIENT_NO_ROOM"
    assert record.untouched
    assert end(library, seal, room=31)[0] == "CLIENT_NO_ROOM"
    assert model_link.sent == []
    _, record = chunk(library, seal, b"abc")
    _, last = end(library, seal)
    header = sealed_file.HEADER.pack(b"HILS", 1, 0, 7)
    assert sealed_file.open_sealed(KEY, header + record.content + last.content) == b"abc"


def test_a_chunk_that_was_refused_may_be_tried_again(library: Any, model_link: Any) -> None:
    seal = begin(library, model_link)
    served = model_link.answer
    model_link.answer = lambda request: b"\xc8\x01\x04\0\0\0\0\0"
    result, record = chunk(library, seal, b"abc")
    assert (result, model_link.client.status) == ("CLIENT_REFUSED", Status.KEY_NOT_FOUND)
    assert record.untouched
    model_link.answer = served
    _, record = chunk(library, seal, b"abc")
    _, last = end(library, seal)
    header = sealed_file.HEADER.pack(b"HILS", 1, 0, 7)
    assert sealed_file.open_sealed(KEY, header + record.content + last.content) == b"abc"


def test_the_record_may_overlap_the_plaintext(library: Any, model_link: Any, pattern: Callable[[int], bytes]) -> None:
    seal, ffi = begin(library, model_link), library.ffi
    record = library.buffer(1032)
    ffi.buffer(record.memory)[16:1016] = pattern(1000)
    plaintext = ffi.new("struct client_bytes *", {"data": record.memory + 16, "length": 1000})[0]
    assert library.lib.client_seal_chunk(seal, plaintext, record.struct) == 0
    _, last = end(library, seal)
    header = sealed_file.HEADER.pack(b"HILS", 1, 0, 7)
    assert sealed_file.open_sealed(KEY, header + record.content + last.content) == pattern(1000)


def test_the_last_index_is_refused(library: Any, answering: Callable[..., Any]) -> None:
    link = answering(Response(Status.SUCCESS, bytes(29)))
    seal = begin(library, link)
    seal.chunks = 0xFFFF_FFFE
    link.answer = lambda request: bytes.fromhex("c8010000") + (CHUNK + 28).to_bytes(4, "little") + bytes(CHUNK + 28)
    assert chunk(library, seal, bytes(CHUNK))[0] == "CLIENT_OK"
    assert b"chunk:4294967294" in link.sent[0]
    assert chunk(library, seal, bytes(CHUNK))[0] == "CLIENT_BAD_ARGUMENT"
    link.answer = lambda request: bytes.fromhex("c8010000") + (28).to_bytes(4, "little") + bytes(28)
    assert end(library, seal)[0] == "CLIENT_OK"
    assert link.sent[1].endswith(b"end:4294967295")

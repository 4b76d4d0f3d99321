# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sealer that has the key seals, the library opens; and no manipulation passes (CLI-2, CLI-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import sealed_file
from harness.protocol.commands import Status

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
CHUNK = 61440
HEADER = 12


def seal(plaintext: bytes, key: bytes = KEY, key_id: int = 7) -> bytes:
    return sealed_file.seal(key, key_id, plaintext)


def pieces(sealed: bytes) -> list[bytes]:
    """The header and the records."""
    return [sealed[:HEADER], *(record.encode() for record in sealed_file.records_of(sealed))]


def detected(files: Any, sealed: bytes, *results: str) -> bytes:
    """Opens with a service that has seen no nonce, expects one of the results; returns what came out before it."""
    files.link.reset()
    result, plaintext = files.open(sealed)
    assert result in results
    with pytest.raises(sealed_file.SealedFileError):
        sealed_file.open_sealed(KEY, sealed)
    assert files.link.clean
    return bytes(plaintext)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 16 << 20])
def test_opens_what_the_independent_sealer_seals(files: Any, pattern: Callable[[int], bytes], size: int) -> None:
    assert files.open(seal(pattern(size))) == ("CLIENT_OK", pattern(size))
    assert files.link.clean


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 16 << 20])
def test_opens_what_the_library_has_sealed(files: Any, pattern: Callable[[int], bytes], size: int) -> None:
    assert files.open(files.seal(pattern(size))) == ("CLIENT_OK", pattern(size))


def test_more_requests_than_the_bucket_holds(files: Any, pattern: Callable[[int], bytes]) -> None:
    files.link.pace = 0
    plaintext = pattern(120 * CHUNK)
    assert files.open(files.seal(plaintext)) == ("CLIENT_OK", plaintext)
    assert files.link.waits == [100_000, 100_000]


def test_cut_off_anywhere(files: Any, pattern: Callable[[int], bytes]) -> None:
    plaintext = pattern(2 * CHUNK + 5)
    sealed = seal(plaintext)
    borders = [0]
    for piece in pieces(sealed):
        borders.append(borders[-1] + len(piece))
    cuts = {border + step for border in borders for step in (-1, 0, 1, 16, 31, 32, 33)}
    for cut in sorted(cut for cut in cuts if 0 <= cut < len(sealed)):
        came_out = detected(files, sealed[:cut], "CLIENT_TRUNCATED")
        assert plaintext.startswith(came_out)


def test_bytes_behind_the_end(files: Any) -> None:
    sealed = seal(b"text")
    for extra in (b"\0", b"more", sealed_file.Record(bytes(12), bytes(16)).encode(), sealed):
        detected(files, sealed + extra, "CLIENT_TRAILING_DATA")


def test_records_swapped_repeated_and_dropped(files: Any, pattern: Callable[[int], bytes]) -> None:
    header, *chunks, end = pieces(seal(pattern(4 * CHUNK)))
    for index in range(3):
        swapped = chunks.copy()
        swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
        detected(files, b"".join((header, *swapped, end)), "CLIENT_NOT_AUTHENTIC")
    for index in range(4):
        dropped = chunks[:index] + chunks[index + 1 :]
        detected(files, b"".join((header, *dropped, end)), "CLIENT_NOT_AUTHENTIC")
        repeated = chunks[: index + 1] + chunks[index:]
        detected(files, b"".join((header, *repeated, end)), "CLIENT_REFUSED")
        assert files.link.client.status == Status.NONCE_REUSE
        moved = [chunks[index], *chunks]
        detected(files, b"".join((header, *moved, end)), "CLIENT_NOT_AUTHENTIC", "CLIENT_REFUSED")
    detected(files, b"".join((header, *chunks, chunks[0], end)), "CLIENT_REFUSED")
    detected(files, header + end, "CLIENT_NOT_AUTHENTIC")
    detected(files, b"".join((header, *chunks, end, end)), "CLIENT_TRAILING_DATA")


def test_a_repeated_chunk_fails_by_its_index_too(files: Any) -> None:
    """The service's memory of nonces is not what detects it: with a nonce of its own the chunk is refused as well."""
    nonces = iter([bytes([i]) * 12 for i in range(9)])
    header, first, end = pieces(sealed_file.seal(KEY, 7, bytes(CHUNK), lambda: next(nonces)))
    _, again, _ = pieces(sealed_file.seal(KEY, 7, bytes(CHUNK), lambda: next(nonces)))
    detected(files, header + first + again + end, "CLIENT_NOT_AUTHENTIC")


def test_an_end_record_of_another_count(files: Any, pattern: Callable[[int], bytes]) -> None:
    *short, _ = pieces(seal(pattern(CHUNK)))
    *_, end = pieces(seal(pattern(2 * CHUNK)))
    detected(files, b"".join((*short, end)), "CLIENT_NOT_AUTHENTIC")


def test_a_flipped_bit_anywhere_behind_the_header(files: Any) -> None:
    sealed = seal(b"thirty bytes of a single chunk")

    @settings(max_examples=200, deadline=None)
    @given(bit=st.integers(8 * HEADER, 8 * len(sealed) - 1))
    def check(bit: int) -> None:
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        detected(files, bytes(altered), "CLIENT_NOT_AUTHENTIC", "CLIENT_BAD_FORMAT", "CLIENT_TRUNCATED")

    check()


def test_every_bit_of_the_header(files: Any) -> None:
    sealed = seal(b"text")
    for bit in range(8 * HEADER):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        if bit < 64:
            detected(files, bytes(altered), "CLIENT_BAD_FORMAT")
        else:
            files.link.reset()
            assert files.open(bytes(altered)) == ("CLIENT_REFUSED", b"")
            assert files.link.client.status == Status.KEY_NOT_FOUND


def test_the_id_of_another_key(files: Any) -> None:
    sealed = seal(b"text")
    altered = sealed[:8] + (8).to_bytes(4, "little") + sealed[12:]
    assert files.open(altered) == ("CLIENT_NOT_AUTHENTIC", b"")
    assert files.open(seal(b"text", OTHER_KEY, 8)) == ("CLIENT_OK", b"text")


@pytest.mark.parametrize("length", [0, 3, 5, CHUNK, CHUNK + 1, 0xFFFF_FFFF])
def test_a_length_that_is_not_the_chunks(files: Any, length: int) -> None:
    sealed = seal(b"text")
    altered = sealed[:HEADER] + length.to_bytes(4, "little") + sealed[HEADER + 4 :]
    result = (
        "CLIENT_BAD_FORMAT" if length > CHUNK else "CLIENT_TRUNCATED" if length == CHUNK else "CLIENT_NOT_AUTHENTIC"
    )
    detected(files, altered, result)


def test_a_chunk_behind_a_short_one(files: Any) -> None:
    """Authentic or not: only one way of cutting is accepted."""
    cipher = sealed_file.AESGCM(KEY)
    parts = [seal(b"")[:HEADER]]
    for number, (text, aad) in enumerate([(b"a", b"chunk:0"), (b"b", b"chunk:1"), (b"", b"end:2")]):
        nonce = bytes([number]) * 12
        data = cipher.encrypt(nonce, text, aad)
        parts.append(sealed_file.Record(nonce, data[-16:], data[:-16]).encode())
    assert detected(files, b"".join(parts), "CLIENT_BAD_FORMAT") == b"a"


def test_a_second_opening_is_nonce_reuse_until_reset(files: Any) -> None:
    sealed = seal(b"text")
    assert files.open(sealed) == ("CLIENT_OK", b"text")
    assert files.open(sealed) == ("CLIENT_REFUSED", b"")
    assert files.link.client.status == Status.NONCE_REUSE
    files.link.reset()
    assert files.open(sealed) == ("CLIENT_OK", b"text")


def test_not_detected_a_record_of_the_same_place_in_another_file(files: Any, pattern: Callable[[int], bytes]) -> None:
    """The limit that docs/protocol.md states: the aad names the place, not the file."""
    header, _, second, end = pieces(seal(pattern(2 * CHUNK)))
    _, first, *_ = pieces(seal(bytes(2 * CHUNK)))
    mixed = header + first + second + end
    assert files.open(mixed) == ("CLIENT_OK", bytes(CHUNK) + pattern(2 * CHUNK)[CHUNK:])


def test_a_piece_longer_than_wanted_is_a_mistake_of_the_caller(library: Any, model_link: Any) -> None:
    state = library.ffi.new("struct client_open *")
    library.lib.client_open_begin(state, model_link.client)
    room = library.buffer(13)
    result = library.lib.client_open_next(state, library.bytes(seal(b"")[:13]), room.struct)
    assert library.result(result) == "CLIENT_BAD_ARGUMENT"
    assert library.result(library.lib.client_open_end(state, 0)) == "CLIENT_BAD_ARGUMENT"


@pytest.mark.parametrize("size", [0, 5, CHUNK])
def test_no_file_is_whole_before_its_end_record(
    library: Any, files: Any, pattern: Callable[[int], bytes], size: int
) -> None:
    """client_open_end at every earlier moment is a truncation, whatever has come out by then."""
    lib, sealed = library.lib, seal(pattern(size))
    for moment in range(2 + 2 * (size > 0)):
        files.link.reset()
        state, position = library.ffi.new("struct client_open *"), 0
        lib.client_open_begin(state, files.link.client)
        for _ in range(moment):
            wanted = lib.client_open_wants(state)
            room = library.buffer(wanted)
            piece = library.bytes(sealed[position : position + wanted])
            assert lib.client_open_next(state, piece, room.struct) == lib.CLIENT_OK
            position += wanted
        assert lib.client_open_end(state, 0) == lib.CLIENT_TRUNCATED
        assert lib.client_open_wants(state) == 0


def test_the_plaintext_may_overlap_the_piece(library: Any, model_link: Any, pattern: Callable[[int], bytes]) -> None:
    ffi, lib = library.ffi, library.lib
    state = ffi.new("struct client_open *")
    lib.client_open_begin(state, model_link.client)
    memory, position, sealed = library.buffer(CHUNK), 0, seal(pattern(1000))
    while wanted := lib.client_open_wants(state):
        ffi.buffer(memory.memory)[:wanted] = sealed[position : position + wanted]
        position += wanted
        piece = ffi.new("struct client_bytes *", {"data": memory.memory, "length": wanted})[0]
        assert lib.client_open_next(state, piece, memory.struct) == lib.CLIENT_OK
        if memory.struct.length:
            assert memory.content == pattern(1000)
    assert lib.client_open_end(state, 0) == lib.CLIENT_OK
    none = library.bytes(b"")
    assert lib.client_open_next(state, none, memory.struct) == lib.CLIENT_OK
    assert lib.client_open_next(state, library.bytes(b"x"), memory.struct) == lib.CLIENT_TRAILING_DATA
    assert lib.client_open_end(state, 0) == lib.CLIENT_TRAILING_DATA

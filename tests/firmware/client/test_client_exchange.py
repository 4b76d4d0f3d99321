# SPDX-License-Identifier: GPL-2.0-or-later
"""Retry with back-off (CLI-1), a clean window after every result (IPC-5), answers that do not fit their request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.commands import Status

LIMITED = Response(Status.RATE_LIMITED)
PLAINTEXT = Response(Status.SUCCESS, b"plaintext")
REQUEST = codec.aes_decrypt(5, bytes(12), b"aad", b"encrypted", bytes(16))


def decrypt(library: Any, link: Any, room: int = 9) -> tuple[str, Any]:
    """The result of one AES_DECRYPT of nine bytes, and the buffer for its plaintext."""
    nonce, tag = library.bytes(bytes(12)), library.bytes(bytes(16))
    fields = {
        "nonce": nonce.data,
        "aad": library.bytes(b"aad"),
        "text": library.bytes(b"encrypted"),
        "tag": tag.data,
    }
    ciphertext = library.ffi.new("struct client_ciphertext *", fields)
    plaintext = library.buffer(room)
    result = library.lib.client_aes_decrypt(link.client, 5, ciphertext, plaintext.struct)
    return library.result(result), plaintext


def test_the_answer_comes_out_and_the_window_is_clean(library: Any, answering: Callable[..., Any]) -> None:
    link = answering(PLAINTEXT)
    result, plaintext = decrypt(library, link)
    assert (result, plaintext.content) == ("CLIENT_OK", b"plaintext")
    assert (link.sent, link.waits, link.clean) == ([REQUEST], [], True)


@pytest.mark.clause("CLI-1")
@pytest.mark.parametrize(
    ("refusals", "result", "waits"),
    [
        (0, "CLIENT_OK", []),
        (1, "CLIENT_OK", [100_000]),
        (2, "CLIENT_OK", [100_000, 200_000]),
        (3, "CLIENT_OK", [100_000, 200_000, 400_000]),
        (4, "CLIENT_OK", [100_000, 200_000, 400_000, 800_000]),
        (5, "CLIENT_REFUSED", [100_000, 200_000, 400_000, 800_000]),
        (9, "CLIENT_REFUSED", [100_000, 200_000, 400_000, 800_000]),
    ],
)
def test_five_tries_with_doubling_waits(
    library: Any, answering: Callable[..., Any], refusals: int, result: str, waits: list[int]
) -> None:
    link = answering(*[LIMITED] * refusals, PLAINTEXT)
    got, plaintext = decrypt(library, link)
    assert (got, link.waits) == (result, waits)
    assert link.sent == [REQUEST] * min(refusals + 1, 5)
    assert link.clean
    if result == "CLIENT_OK":
        assert plaintext.content == b"plaintext"
    else:
        assert plaintext.untouched
        assert link.client.status == Status.RATE_LIMITED


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.SUCCESS, Status.RATE_LIMITED)])
def test_no_other_error_is_tried_again(library: Any, answering: Callable[..., Any], status: Status) -> None:
    link = answering(LIMITED, Response(status))
    result, plaintext = decrypt(library, link)
    assert (result, link.client.status, link.waits) == ("CLIENT_REFUSED", status, [100_000])
    assert plaintext.untouched
    assert link.clean


@pytest.mark.parametrize(
    "answer",
    [
        b"\xee" * table.AREA_SIZE,
        codec.encode_response(Response(Status.CRYPTO_ERROR, b"x")),
        codec.encode_response(Response(Status.SUCCESS, b"8 bytes.")),
        codec.encode_response(Response(Status.SUCCESS, b"10 bytes..")),
        codec.encode_response(Response(Status.SUCCESS)),
        bytes.fromhex("c801000001000100"),
    ],
)
def test_what_is_no_answer_to_the_request_is_malformed(
    library: Any, answering: Callable[..., Any], answer: bytes
) -> None:
    link = answering(answer)
    result, plaintext = decrypt(library, link)
    assert result == "CLIENT_MALFORMED"
    assert plaintext.untouched
    assert link.clean


def test_no_answer_leaves_a_clean_window(library: Any, answering: Callable[..., Any]) -> None:
    link = answering(LIMITED, None)
    result, plaintext = decrypt(library, link)
    assert (result, link.waits) == ("CLIENT_NO_ANSWER", [100_000])
    assert plaintext.untouched
    assert link.clean


def test_a_buffer_that_is_too_small_is_found_before_anything_is_sent(
    library: Any, answering: Callable[..., Any]
) -> None:
    link = answering(PLAINTEXT)
    result, plaintext = decrypt(library, link, room=8)
    assert (result, link.sent) == ("CLIENT_NO_ROOM", [])
    assert plaintext.untouched


@pytest.mark.clause("CLI-1")
def test_rate_limited_by_the_model(library: Any, model_link: Any) -> None:
    """A burst beyond the bucket: one wait of 100 ms is enough, and every request is served in the end."""
    model_link.pace = 0
    for _ in range(2 * table.RATE_CAPACITY + 1):
        assert encrypt(library, model_link) == "CLIENT_OK"
    assert model_link.waits == [100_000, 100_000]
    assert model_link.clean


def encrypt(library: Any, link: Any) -> str:
    encrypted = library.ffi.new("struct client_encrypted *")
    result = library.lib.client_aes_encrypt(link.client, 7, library.bytes(b""), library.bytes(b""), encrypted)
    return str(library.result(result))

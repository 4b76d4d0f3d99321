# SPDX-License-Identifier: GPL-2.0-or-later
"""Each builder against the codec: the same bytes, the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.protocol import codec
from harness.protocol import commands as table

FILL = b"\x5a"

# A builder's case: its name, the codec's function, and the arguments as Python has them.
BUILDERS: dict[str, Callable[..., bytes]] = {
    "aes_encrypt": codec.aes_encrypt,
    "aes_decrypt": codec.aes_decrypt,
    "mldsa_sign": codec.mldsa_sign,
    "mldsa_verify": codec.mldsa_verify,
    "mlkem_keygen": codec.mlkem_keygen,
    "mlkem_encaps": codec.mlkem_encaps,
    "mlkem_decaps": codec.mlkem_decaps,
}

key_ids = st.integers(0, 0xFFFF_FFFF)
texts = st.binary(max_size=80)
nonces = st.binary(min_size=12, max_size=12)
tags = st.binary(min_size=16, max_size=16)
ARGUMENTS: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "aes_encrypt": st.tuples(key_ids, texts, texts),
    "aes_decrypt": st.tuples(key_ids, nonces, texts, texts, tags),
    "mldsa_sign": st.tuples(key_ids, texts, texts),
    "mldsa_verify": st.tuples(key_ids, texts, texts, texts),
    "mlkem_keygen": st.tuples(key_ids),
    "mlkem_encaps": st.tuples(texts),
    "mlkem_decaps": st.tuples(key_ids, texts),
}


def build(library: Any, name: str, arguments: tuple[Any, ...], size: int) -> tuple[bool, bytes, Any]:
    """The builder's verdict, the area of `size` bytes behind it, and the request."""
    ffi = library.ffi
    area = library.memory(FILL * size)
    request = ffi.new("struct client_request *", {"area": area, "size": size, "length": 99})
    converted = [library.bytes(value) if isinstance(value, bytes) else value for value in arguments]
    if name == "aes_decrypt":
        key_id, nonce, aad, text, tag = converted
        fields = {"nonce": nonce.data, "aad": aad, "text": text, "tag": tag.data}
        converted = [key_id, ffi.new("struct client_ciphertext *", fields)]
    done = getattr(library.lib, f"client_request_{name}")(request, *converted)
    return bool(done), bytes(ffi.buffer(area, size)) if size else b"", request


def expected_lengths(request: Any) -> tuple[int, ...]:
    return tuple(request.answer.bytes[i] for i in range(request.answer.count))


@pytest.mark.parametrize("name", BUILDERS)
def test_builders_write_what_the_codec_writes(library: Any, name: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(arguments=ARGUMENTS[name])
    def check(arguments: tuple[Any, ...]) -> None:
        wanted = BUILDERS[name](*arguments)
        done, area, request = build(library, name, arguments, table.AREA_SIZE)
        assert done
        assert request.length == len(wanted)
        assert area == wanted.ljust(table.AREA_SIZE, FILL)

    check()


AT_THE_LIMITS = [
    ("aes_encrypt", (1, bytes(0xFFFF), b"")),
    ("aes_encrypt", (1, bytes(0x10000), b"")),
    ("aes_encrypt", (1, b"", bytes(table.MAX_PAYLOAD - 6))),
    ("aes_encrypt", (1, b"", bytes(table.MAX_PAYLOAD - 5))),
    ("aes_decrypt", (1, bytes(12), b"aad", bytes(table.MAX_PAYLOAD - 37), bytes(16))),
    ("aes_decrypt", (1, bytes(12), b"aad", bytes(table.MAX_PAYLOAD - 36), bytes(16))),
    ("aes_decrypt", (1, bytes(12), bytes(0x10000), b"", bytes(16))),
    ("mldsa_sign", (1, bytes(255), b"m")),
    ("mldsa_sign", (1, bytes(256), b"m")),
    ("mldsa_sign", (1, b"", bytes(table.MAX_PAYLOAD - 5))),
    ("mldsa_sign", (1, b"", bytes(table.MAX_PAYLOAD - 4))),
    ("mldsa_verify", (1, bytes(255), bytes(4627), b"m")),
    ("mldsa_verify", (1, bytes(256), bytes(4627), b"m")),
    ("mldsa_verify", (1, b"", bytes(0x10000), b"m")),
    ("mldsa_verify", (1, b"", bytes(30000), bytes(table.MAX_PAYLOAD - 30007))),
    ("mldsa_verify", (1, b"", bytes(30000), bytes(table.MAX_PAYLOAD - 30006))),
    ("mlkem_encaps", (bytes(table.MAX_PAYLOAD),)),
    ("mlkem_encaps", (bytes(table.MAX_PAYLOAD + 1),)),
    ("mlkem_decaps", (1, bytes(table.MAX_PAYLOAD - 4))),
    ("mlkem_decaps", (1, bytes(table.MAX_PAYLOAD - 3))),
]


@pytest.mark.parametrize(("name", "arguments"), AT_THE_LIMITS)
def test_builders_refuse_what_the_codec_refuses(library: Any, name: str, arguments: tuple[Any, ...]) -> None:
    try:
        wanted = BUILDERS[name](*arguments)
    except codec.CodecError:
        wanted = b""
    done, area, request = build(library, name, arguments, table.AREA_SIZE)
    assert (done, request.length) == (bool(wanted), len(wanted))
    assert area == wanted.ljust(table.AREA_SIZE, FILL)


def test_lengths_that_overflow_their_sum_are_refused(library: Any) -> None:
    ffi = library.ffi
    area = ffi.new("uint8_t[]", table.AREA_SIZE)
    request = ffi.new("struct client_request *", {"area": area, "size": table.AREA_SIZE})
    huge = ffi.new("struct client_bytes *", {"data": ffi.NULL, "length": (1 << 64) - 3})[0]
    none = library.bytes(b"")
    assert not library.lib.client_request_aes_encrypt(request, 1, none, huge)
    assert not library.lib.client_request_mldsa_verify(request, 1, none, huge, huge)
    assert not library.lib.client_request_mlkem_encaps(request, huge)
    assert not any(ffi.buffer(area)[:])


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 40))
@example(size=7)
@example(size=8)
def test_an_area_that_is_too_small_is_left_alone(library: Any, size: int) -> None:
    wanted = codec.aes_encrypt(9, b"aad", b"plaintext")
    done, area, _ = build(library, "aes_encrypt", (9, b"aad", b"plaintext"), size)
    assert done == (size >= len(wanted))
    assert area == (wanted.ljust(size, FILL) if done else FILL * size)


@pytest.mark.parametrize(
    ("name", "arguments", "lengths"),
    [
        ("aes_encrypt", (1, b"aad", b""), (28,)),
        ("aes_encrypt", (1, b"", bytes(table.AES_PLAINTEXT_MAX)), (table.MAX_PAYLOAD,)),
        ("aes_encrypt", (1, b"", bytes(table.AES_PLAINTEXT_MAX + 1)), ()),
        ("aes_decrypt", (1, bytes(12), b"aad", b"cipher", bytes(16)), (6,)),
        ("mldsa_sign", (1, b"", b"m"), (2420, 3309, 4627)),
        ("mldsa_verify", (1, b"", b"s", b"m"), (0,)),
        ("mlkem_keygen", (1,), (800, 1184, 1568)),
        ("mlkem_encaps", (bytes(800),), (768 + 32,)),
        ("mlkem_encaps", (bytes(1184),), (1088 + 32,)),
        ("mlkem_encaps", (bytes(1568),), (1568 + 32,)),
        ("mlkem_encaps", (bytes(801),), ()),
        ("mlkem_decaps", (1, bytes(768)), (32,)),
    ],
)
def test_a_request_knows_the_lengths_of_its_answer(
    library: Any, name: str, arguments: tuple[Any, ...], lengths: tuple[int, ...]
) -> None:
    done, _, request = build(library, name, arguments, table.AREA_SIZE)
    assert done
    assert expected_lengths(request) == lengths

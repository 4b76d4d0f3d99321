# SPDX-License-Identifier: GPL-2.0-or-later
"""SipHash-2-4-128 against the vectors that its authors publish (github.com/veorq/SipHash, vectors.h)."""

import pytest

from harness.model import ModelError
from harness.model.siphash import siphash24_128, siphash24_128_words

KEY = bytes(range(16))

# From vectors_sip128: the hash of the bytes 00 01 02 ... by their number.
VECTORS = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    2: "8177228da4a45dc7fca38bdef60affe4",
    3: "9c70b60c5267a94e5f33b6b02985ed51",
    4: "f88164c12d9c8faf7d0f6e7c7bcd5579",
    5: "1368875980776f8854527a07690e9627",
    6: "14eeca338b208613485ea0308fd7a15e",
    7: "a1f1ebbed8dbc153c0b84aa61ff08239",
    8: "3b62a9ba6258f5610f83e264f31497b4",
    9: "264499060ad9baabc47f8b02bb6d71ed",
    10: "00110dc378146956c95447d3f3d0fbba",
    11: "0151c568386b6677a2b4dc6f81e5dc18",
    12: "d626b266905ef35882634df68532c125",
    13: "9869e247e9c08b10d029934fc4b952f7",
    14: "31fcefac66d7de9c7ec7485fe4494902",
    15: "5493e99933b0a8117e08ec0f97cfc3d9",
    16: "6ee2a4ca67b054bbfd3315bf85230577",
    31: "2939b0183223fafc1723de4f52c43d35",
    32: "7c3956ca5eeafc3e363e9d556546eb68",
    63: "5150d1772f50834a503e069a973fbd7c",
}


@pytest.mark.parametrize("length", VECTORS)
def test_published_vectors(length: int) -> None:
    assert siphash24_128(KEY, bytes(range(length))).hex() == VECTORS[length]


def test_length_is_taken_modulo_256() -> None:
    """257 bytes; the expected value is what `openssl mac -macopt size:16 SIPHASH` of OpenSSL 3.0 prints."""
    assert siphash24_128(KEY, bytes(range(256)) + b"\0").hex() == "1b25fee1ef6fbb23179c26056c2995fc"


def test_words_are_the_halves_read_little_endian() -> None:
    first, second = siphash24_128_words(KEY, bytes(range(12)))
    assert (first, second) == (0x58F35E9066B226D6, 0x25C13285F64D6382)


def test_key_size() -> None:
    with pytest.raises(ModelError, match="16 bytes, not 15"):
        siphash24_128(KEY[:15], b"")

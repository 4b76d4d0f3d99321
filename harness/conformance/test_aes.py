# SPDX-License-Identifier: GPL-2.0-or-later
"""AES-256-GCM (AES-1 to AES-3): every length at its borders, every forgery refused, no plaintext left anywhere."""

from __future__ import annotations

from random import Random

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    KEYS,
    LONGEST_PLAINTEXT,
    granted,
    noise,
    nonce_number,
    open_outside,
    pieces,
    refused,
    seal_outside,
    set_encryptions,
)
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, aes_slot

_TEXT_LENGTHS = (0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 255, 256, 257, 4079, 4080, 4081, 4096, 4097)
_AAD_LENGTHS = (0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 257)

# "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B, test cases 13 to 16: AES-256 with a nonce
# of 96 bits. Key, nonce, aad, plaintext, ciphertext, tag.
_LONG_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
_LONG_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
_LONG_CIPHERTEXT = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
_LONG_AAD = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
_PUBLISHED = {
    "13": ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    "14": ("00" * 32, "00" * 12, "", "00" * 16, "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"),
    "15": (_LONG_KEY, "cafebabefacedbaddecaf888", "", _LONG_TEXT, _LONG_CIPHERTEXT, "b094dac5d93471bdec1a502270e3cc6c"),
    "16": (
        _LONG_KEY,
        "cafebabefacedbaddecaf888",
        _LONG_AAD,
        _LONG_TEXT[:120],
        _LONG_CIPHERTEXT[:120],
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
}

# ---- AES-1 ----


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("number", list(_PUBLISHED))
def test_the_test_cases_of_the_gcm_specification(dut: Dut, number: str) -> None:
    key, nonce, aad, plaintext, ciphertext, tag = (bytes.fromhex(part) for part in _PUBLISHED[number])
    dut.keys.replace(KeyImage((aes_slot(9, key),)))
    assert granted(dut.aes_decrypt(9, nonce, ciphertext, tag, aad)) == plaintext
    sealed = dut.seal(9, plaintext, aad)
    assert open_outside(key, sealed, aad) == plaintext


@pytest.mark.clause("AES-1", "AES-2")
@pytest.mark.parametrize("aad_length", _AAD_LENGTHS)
def test_what_the_service_seals_opens_elsewhere(dut: Dut, aad_length: int) -> None:
    aad = noise(aad_length, seed=2)
    for length in _TEXT_LENGTHS:
        text = noise(length)
        for key_id, key in KEYS.items():
            sealed = dut.seal(key_id, text, aad)
            assert len(sealed[1]) == length
            assert open_outside(key, sealed, aad) == text, f"{length} bytes, aad of {aad_length}"
            if length >= 16:
                assert sealed[1] != text


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("aad_length", _AAD_LENGTHS)
def test_what_is_sealed_elsewhere_opens_here(dut: Dut, aad_length: int) -> None:
    aad = noise(aad_length, seed=2)
    for length in _TEXT_LENGTHS:
        text = noise(length)
        for key_id in KEYS:
            nonce = noise(12, seed=length)
            ciphertext, tag = seal_outside(key_id, nonce, text, aad)
            assert granted(dut.aes_decrypt(key_id, nonce, ciphertext, tag, aad)) == text, f"{length} bytes"


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("start", range(0, 1536, 128))
def test_every_length_of_many_blocks(dut: Dut, start: int) -> None:
    """Text and aad of each length, text growing while aad shrinks."""
    for length in range(start, start + 128):
        text, aad = noise(length, seed=3), noise(1535 - length, seed=4)
        nonce, ciphertext, tag = dut.seal(AES_KEY_ID, text, aad)
        assert open_outside(KEYS[AES_KEY_ID], (nonce, ciphertext, tag), aad) == text, f"{length} bytes"
        assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, aad)) == text, f"{length} bytes"


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("seed", range(8))
def test_any_length(dut: Dut, seed: int) -> None:
    """Texts and aads of random lengths, which together fill the payload now and then."""
    random = Random(seed)
    for number in range(40):
        length = random.randrange(65503)
        aad = noise(min(random.choice((0, 7, random.randrange(65503))), 65502 - length), seed=number)
        text = noise(length, seed=number)
        nonce, ciphertext, tag = dut.seal(SECOND_AES_KEY_ID, text, aad)
        assert open_outside(KEYS[SECOND_AES_KEY_ID], (nonce, ciphertext, tag), aad) == text
        assert granted(dut.aes_decrypt(SECOND_AES_KEY_ID, nonce, ciphertext, tag, aad)) == text


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("length", [16_383, 32_768, 65_500, 65_507, LONGEST_PLAINTEXT])
def test_long_plaintexts(dut: Dut, length: int) -> None:
    text = noise(length, seed=length)
    for key_id, key in KEYS.items():
        sealed = dut.seal(key_id, text)
        assert open_outside(key, sealed) == text
        assert len(set(pieces(sealed[1]))) == length // 16, "the keystream repeats"


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("length", [16_383, 32_768, 65_486, 65_501, 65_502])
def test_long_ciphertexts(dut: Dut, length: int) -> None:
    text = noise(length, seed=length)
    for key_id in KEYS:
        ciphertext, tag = seal_outside(key_id, nonce_number(length), text)
        assert granted(dut.aes_decrypt(key_id, nonce_number(length), ciphertext, tag)) == text


@pytest.mark.clause("AES-1")
@pytest.mark.parametrize("length", [4096, 32_767, 65_502])
def test_long_aads(dut: Dut, length: int) -> None:
    """Up to a payload of 65536 bytes, in which the aad leaves no room for text: 65530 to seal, 65502 to open."""
    aad = noise(length, seed=length)
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"", aad + bytes(28))
    assert open_outside(KEYS[AES_KEY_ID], (nonce, ciphertext, tag), aad + bytes(28)) == b""
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(length), b"", aad)
    forged = aad[:-1] + bytes([aad[-1] ^ 0x80])
    refused(dut.aes_decrypt(AES_KEY_ID, nonce_number(length), b"", tag, forged), Status.DECRYPTION_FAILED)
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(length), ciphertext, tag, aad)) == b""


@pytest.mark.clause("AES-1")
def test_aad_length_reaches_the_payload_s_end_and_no_further(dut: Dut) -> None:
    """Exact: the rest is empty, or the tag. One more: INVALID_PAYLOAD. Also 65535, which no payload has room for."""
    for size in (0, 1, 15, 16, 17, 255, 256, 65530):
        head = b"\x01\0\0\0"
        granted(dut.send(0x01, head + size.to_bytes(2, "little") + bytes(size)))
        refused(dut.send(0x01, head + (size + 1).to_bytes(2, "little") + bytes(size)), Status.INVALID_PAYLOAD)
        refused(dut.send(0x01, head + b"\xff\xff" + bytes(size)), Status.INVALID_PAYLOAD)
    for size in (0, 1, 15, 16, 17, 255, 256, 65502):
        nonce, aad = nonce_number(size), bytes(size)
        head = b"\x01\0\0\0" + nonce
        tag = seal_outside(AES_KEY_ID, nonce, b"", aad)[1]
        for wrong in (size + 1, min(size + 17, 0xFFFF), 0xFFFF):
            refused(dut.send(0x02, head + wrong.to_bytes(2, "little") + aad + tag), Status.INVALID_PAYLOAD)
        assert granted(dut.send(0x02, head + size.to_bytes(2, "little") + aad + tag)) == b""


@pytest.mark.clause("AES-1")
def test_a_payload_one_byte_shorter_than_its_fixed_fields(dut: Dut) -> None:
    """6 bytes for AES_ENCRYPT, 34 for AES_DECRYPT."""
    granted(dut.send(0x01, b"\x01\0\0\0\0\0"))
    refused(dut.send(0x01, b"\x01\0\0\0\0"), Status.INVALID_PAYLOAD)
    tag = seal_outside(AES_KEY_ID, nonce_number(9))[1]
    sound = b"\x01\0\0\0" + nonce_number(9) + b"\0\0" + tag
    refused(dut.send(0x02, sound[:33]), Status.INVALID_PAYLOAD)
    assert granted(dut.send(0x02, sound)) == b""


# ---- AES-2 ----


@pytest.mark.clause("AES-2")
def test_aes_2_equal_requests_get_different_nonces(dut: Dut) -> None:
    seen = {dut.seal(AES_KEY_ID, b"the same text", b"the same aad") for _ in range(500)}
    assert len(seen) == len({nonce for nonce, _, _ in seen}) == len({ciphertext for _, ciphertext, _ in seen}) == 500


@pytest.mark.clause("AES-2")
def test_a_client_cannot_choose_the_nonce(dut: Dut) -> None:
    """Bytes where a nonce would be are aad or plaintext."""
    wish = noise(12, seed=8)
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, wish, wish)
    assert nonce != wish
    assert open_outside(KEYS[AES_KEY_ID], (nonce, ciphertext, tag), wish) == wish


@pytest.mark.clause("AES-2")
def test_after_2_to_the_32_encryptions_a_key_has_to_be_rotated(dut: Dut) -> None:
    first = dut.seal(AES_KEY_ID, b"first")
    dut.seal(SECOND_AES_KEY_ID)
    set_encryptions(dut, AES_KEY_ID, 2**32 - 2)
    refused(dut.send(0x01, b"\x01\0\0\0\x01\0"), Status.INVALID_PAYLOAD)
    granted(dut.aes_encrypt(AES_KEY_ID, b"last but one"))
    granted(dut.aes_encrypt(AES_KEY_ID, b"last"))
    for _ in range(3):
        refused(dut.aes_encrypt(AES_KEY_ID, b"too many"), Status.NONCE_REUSE)
    assert granted(dut.aes_decrypt(AES_KEY_ID, *first)) == b"first", "decryption does not count"
    granted(dut.aes_encrypt(SECOND_AES_KEY_ID, b"another key"))
    refused(dut.aes_encrypt(AES_KEY_ID, b"too many"), Status.NONCE_REUSE)
    dut.keys.rotate(AES_KEY_ID)
    granted(dut.aes_encrypt(AES_KEY_ID, b"again"))


@pytest.mark.clause("AES-2")
def test_the_encryption_counter_counts_successes_alone(dut: Dut) -> None:
    """At one below the limit: neither refusals nor decryptions use up the last encryption."""
    sealed = dut.seal(AES_KEY_ID, b"text")
    set_encryptions(dut, AES_KEY_ID, 2**32 - 1)
    refused(dut.aes_encrypt(AES_KEY_ID, bytes(65509)), Status.PAYLOAD_TOO_LARGE)
    refused(dut.aes_decrypt(AES_KEY_ID, sealed[0], sealed[1], bytes(16)), Status.DECRYPTION_FAILED)
    assert granted(dut.aes_decrypt(AES_KEY_ID, *sealed)) == b"text"
    granted(dut.aes_encrypt(AES_KEY_ID, b"last"))
    refused(dut.aes_encrypt(AES_KEY_ID, b"too many"), Status.NONCE_REUSE)


@pytest.mark.clause("AES-2")
def test_the_encryption_counter_has_more_than_32_bits(dut: Dut) -> None:
    granted(dut.aes_encrypt(AES_KEY_ID))
    for count in (2**32, 2**32 + 1, 2**33, 2**40):
        set_encryptions(dut, AES_KEY_ID, count)
        refused(dut.aes_encrypt(AES_KEY_ID), Status.NONCE_REUSE)

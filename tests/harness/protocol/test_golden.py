# SPDX-License-Identifier: GPL-2.0-or-later
"""The bytes of tests/golden, written by hand from the contract, against everything that the shared table produces."""

from pathlib import Path

import pytest

from harness.model import Model
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.protocol.commands import AES_ENCRYPT, Status
from harness.protocol.key_image import KeyImage, KeySlot

GOLDEN = Path(__file__).parents[2] / "golden"

KEY_ID = 0x0A0B0C0D
KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
AAD = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAINTEXT = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
CIPHERTEXT = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
)
TAG = bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b")


def golden(name: str) -> bytes:
    """The bytes of a file: hex digits, comments from # on, and @OFFSET to fill with zeros up to an offset."""
    data = bytearray()
    for line in (GOLDEN / f"{name}.hex").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        data += bytes(int(text[1:], 16) - len(data)) if text.startswith("@") else bytes.fromhex(text)
    return bytes(data)


def test_aes_encrypt_request() -> None:
    assert codec.aes_encrypt(KEY_ID, AAD, PLAINTEXT) == golden("aes_encrypt_request")


def test_aes_encrypt_response() -> None:
    response = codec.decode_response(golden("aes_encrypt_response"))
    assert response == Response(Status.SUCCESS, NONCE + CIPHERTEXT + TAG)
    assert codec.decode_result(AES_ENCRYPT, response) == {"nonce": NONCE, "ciphertext": CIPHERTEXT, "tag": TAG}


def test_aes_decrypt_request() -> None:
    assert codec.aes_decrypt(KEY_ID, NONCE, AAD, CIPHERTEXT, TAG) == golden("aes_decrypt_request")


def test_aes_decrypt_response() -> None:
    assert codec.decode_response(golden("aes_decrypt_response")) == Response(Status.SUCCESS, PLAINTEXT)


def test_error_response() -> None:
    assert codec.decode_response(golden("error_response")) == Response(Status.KEY_NOT_FOUND)


@pytest.mark.parametrize("name", ["aes_encrypt_response", "aes_decrypt_response", "error_response"])
def test_responses_encode_back(name: str) -> None:
    assert codec.encode_response(codec.decode_response(golden(name))) == golden(name)


def test_key_image() -> None:
    image = KeyImage((KeySlot(KEY_ID, 1, 256, 7, KEY), None, KeySlot(2, 3, 768, 1, b"")))
    assert image.build() == golden("key_image")
    assert KeyImage.parse(golden("key_image")) == image


def test_model_answers_as_written() -> None:
    model = Model(bytes(range(48)), golden("key_image"))
    assert model.exchange(golden("aes_decrypt_request"), 0) == codec.decode_response(golden("aes_decrypt_response"))
    sealed = model.exchange(golden("aes_encrypt_request"), 0)
    assert len(sealed.payload) == len(codec.decode_response(golden("aes_encrypt_response")).payload)
    missing = codec.aes_encrypt(KEY_ID + 1, b"", b"")
    assert codec.encode_response(model.exchange(missing, 0)) == golden("error_response")

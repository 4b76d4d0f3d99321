# SPDX-License-Identifier: GPL-2.0-or-later
"""Forgeries (AES-3): each is DECRYPTION_FAILED, and no byte of plaintext or key shows anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidTag

from harness.conformance.dut import Dut
from harness.conformance.support import (
    KEYS,
    LONGEST_PLAINTEXT,
    RawClient,
    bit_flips,
    granted,
    noise,
    nonce_number,
    open_outside,
    pieces,
    refused,
    residue,
    seal_outside,
)
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID
from harness.protocol.commands import Status

_NONCE = nonce_number(42)
_AAD = noise(17, seed=11)

Message = tuple[bytes, bytes, bytes, bytes]  # nonce, ciphertext, tag, aad


def _message(size: int) -> Message:
    ciphertext, tag = seal_outside(AES_KEY_ID, _NONCE, noise(size, seed=10), _AAD)
    return _NONCE, ciphertext, tag, _AAD


def _all_refused(dut: Dut, forgeries: Iterator[tuple[str, Message]], size: int) -> None:
    """Each forgery fails, in the service as in pyca/cryptography; the genuine message still opens afterwards."""
    for what, (nonce, ciphertext, tag, aad) in forgeries:
        response = dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, aad)
        assert response.status is Status.DECRYPTION_FAILED, f"{what}: {response.status.name}"
        assert response.payload == b"", what
        with pytest.raises(InvalidTag):
            open_outside(KEYS[AES_KEY_ID], (nonce, ciphertext, tag), aad)
    nonce, ciphertext, tag, aad = _message(size)
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, aad)) == noise(size, seed=10)


@pytest.mark.clause("AES-3")
@pytest.mark.parametrize("size", [0, 1, 16, 33, 300])
def test_every_bit_of_the_tag_counts(dut: Dut, size: int) -> None:
    nonce, ciphertext, tag, aad = _message(size)
    forgeries = ((f"tag bit {bit}", (nonce, ciphertext, forged, aad)) for bit, forged in bit_flips(tag))
    _all_refused(dut, forgeries, size)


@pytest.mark.clause("AES-3")
@pytest.mark.parametrize("size", [1, 16, 33, 200])
def test_every_bit_of_the_ciphertext_counts(dut: Dut, size: int) -> None:
    nonce, ciphertext, tag, aad = _message(size)
    forgeries = ((f"ciphertext bit {bit}", (nonce, forged, tag, aad)) for bit, forged in bit_flips(ciphertext))
    _all_refused(dut, forgeries, size)


@pytest.mark.clause("AES-3")
def test_every_bit_of_the_aad_counts(dut: Dut) -> None:
    nonce, ciphertext, tag, aad = _message(33)
    forgeries = ((f"aad bit {bit}", (nonce, ciphertext, tag, forged)) for bit, forged in bit_flips(aad))
    _all_refused(dut, forgeries, 33)


@pytest.mark.clause("AES-3")
def test_every_bit_of_the_nonce_counts(dut: Dut) -> None:
    nonce, ciphertext, tag, aad = _message(33)
    forgeries = ((f"nonce bit {bit}", (forged, ciphertext, tag, aad)) for bit, forged in bit_flips(nonce))
    _all_refused(dut, forgeries, 33)


@pytest.mark.clause("AES-3")
@pytest.mark.parametrize("value", [0x00, 0xFF, 0x01, 0x80])
def test_every_byte_of_the_tag_counts(dut: Dut, value: int) -> None:
    """Tags that share any prefix, or any suffix, with the genuine one."""
    nonce, ciphertext, tag, aad = _message(16)
    mask = bytes([value or 0x55]) * 16
    wrong = bytes(a ^ b for a, b in zip(tag, mask, strict=True))

    def forgeries() -> Iterator[tuple[str, Message]]:
        for shared in range(16):
            yield f"first {shared} bytes genuine", (nonce, ciphertext, tag[:shared] + wrong[shared:], aad)
            yield f"last {shared} bytes genuine", (nonce, ciphertext, wrong[: 16 - shared] + tag[16 - shared :], aad)
        yield "bytes reversed", (nonce, ciphertext, tag[::-1], aad)
        yield "one byte throughout", (nonce, ciphertext, bytes([value]) * 16, aad)

    _all_refused(dut, forgeries(), 16)


@pytest.mark.clause("AES-3")
@pytest.mark.parametrize("size", [4096, 65_485])
def test_bits_all_over_a_long_message_count(dut: Dut, size: int) -> None:
    nonce, ciphertext, tag, aad = _message(size)

    def forgeries() -> Iterator[tuple[str, Message]]:
        for place in (*range(0, size, size // 180), size - 1):
            forged = ciphertext[:place] + bytes([ciphertext[place] ^ 1 << place % 8]) + ciphertext[place + 1 :]
            yield f"byte {place}", (nonce, forged, tag, aad)

    _all_refused(dut, forgeries(), size)


@pytest.mark.clause("AES-3", "AES-1")
def test_where_the_aad_ends_and_the_text_begins_counts(dut: Dut) -> None:
    """The same bytes in the same order, cut elsewhere: the lengths are part of what the tag covers."""
    for size in (1, 16, 33, 64):
        nonce, ciphertext, tag, aad = _message(size)
        both = aad + ciphertext
        moved = ((nonce, both[cut:], tag, both[:cut]) for cut in range(len(both) + 1) if cut != len(aad))
        _all_refused(dut, ((f"aad of {len(parts[3])} bytes", parts) for parts in moved), size)
        dut.boot()


@pytest.mark.clause("AES-3", "AES-1")
def test_zeros_that_padding_would_add_count(dut: Dut) -> None:
    """Text or aad lengthened by zeros up to the block's end, or cut of them: GHASH sees the same blocks."""
    for text_size, aad_size in ((20, 20), (16, 3), (3, 16), (0, 5), (5, 0)):
        text, aad = bytes(text_size), bytes(aad_size)
        ciphertext, tag = seal_outside(AES_KEY_ID, _NONCE, text, aad)
        for more in (1, 5, 12, 16):
            refused(dut.aes_decrypt(AES_KEY_ID, _NONCE, ciphertext, tag, aad + bytes(more)), Status.DECRYPTION_FAILED)
            refused(dut.aes_decrypt(AES_KEY_ID, _NONCE, ciphertext + bytes(more), tag, aad), Status.DECRYPTION_FAILED)
        assert granted(dut.aes_decrypt(AES_KEY_ID, _NONCE, ciphertext, tag, aad)) == text
        dut.boot()


@pytest.mark.clause("AES-3")
def test_cut_and_lengthened_messages(dut: Dut) -> None:
    size = 50
    nonce, ciphertext, tag, aad = _message(size)

    def forgeries() -> Iterator[tuple[str, Message]]:
        for cut in range(1, size + 1):
            yield f"{cut} bytes cut off the end", (nonce, ciphertext[:-cut], tag, aad)
            yield f"{cut} bytes cut off the start", (nonce, ciphertext[cut:], tag, aad)
        for more in range(1, 34):
            yield f"{more} bytes more", (nonce, ciphertext + noise(more, seed=more), tag, aad)
            yield f"{more} bytes more in front", (nonce, noise(more, seed=more) + ciphertext, tag, aad)
        whole = ciphertext + tag
        for cut in range(1, 17):
            yield f"tag moved by {cut}", (nonce, whole[: -16 - cut], whole[-16 - cut : -cut], aad)
        yield "aad left out", (nonce, ciphertext, tag, b"")
        yield "aad twice", (nonce, ciphertext, tag, aad + aad)
        yield "blocks swapped", (nonce, ciphertext[16:32] + ciphertext[:16] + ciphertext[32:], tag, aad)

    _all_refused(dut, forgeries(), size)


@pytest.mark.clause("AES-3")
def test_another_key_does_not_open_it(dut: Dut) -> None:
    for size in (0, 1, 16, 1000):
        nonce, ciphertext, tag = dut.seal(AES_KEY_ID, noise(size), _AAD)
        refused(dut.aes_decrypt(SECOND_AES_KEY_ID, nonce, ciphertext, tag, _AAD), Status.DECRYPTION_FAILED)
        assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, _AAD)) == noise(size)


@pytest.mark.clause("AES-3")
def test_a_rotated_key_does_not_open_it(dut: Dut) -> None:
    sealed = dut.seal(AES_KEY_ID, b"before", _AAD)
    dut.keys.rotate(AES_KEY_ID, noise(32, seed=12))
    refused(dut.aes_decrypt(AES_KEY_ID, *sealed, _AAD), Status.DECRYPTION_FAILED)


@pytest.mark.clause("AES-3")
def test_a_message_does_not_open_under_the_nonce_of_another(dut: Dut) -> None:
    first, second = dut.seal(AES_KEY_ID, b"first text"), dut.seal(AES_KEY_ID, b"other text")
    refused(dut.aes_decrypt(AES_KEY_ID, first[0], second[1], second[2]), Status.DECRYPTION_FAILED)
    refused(dut.aes_decrypt(AES_KEY_ID, first[0], second[1], first[2]), Status.DECRYPTION_FAILED)
    assert granted(dut.aes_decrypt(AES_KEY_ID, *second)) == b"other text"


@pytest.mark.clause("AES-3")
def test_random_forgeries(dut: Dut) -> None:
    for number in range(400):
        forged = noise(28 + number % 70, seed=1000 + number)
        response = dut.aes_decrypt(AES_KEY_ID, forged[:12], forged[28:], forged[12:28], forged[: number % 5])
        assert response.status is Status.DECRYPTION_FAILED


# ---- nothing of the plaintext is released ----


@pytest.mark.clause("AES-3", "IPC-5")
@pytest.mark.parametrize("size", [16, 47, 4096, 65_485])
def test_a_failed_tag_releases_no_plaintext(dut: Dut, size: int) -> None:
    """Neither into the window nor anywhere in the service's memory, whichever bit of the message is wrong."""
    text = noise(size, seed=10)
    client = RawClient(dut)
    needles = pieces(text, max(1, size // 256))
    nonce, ciphertext, tag, aad = _message(size)
    for forged in (
        (nonce, ciphertext, tag[:15] + bytes([tag[15] ^ 1]), aad),
        (nonce, ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), tag, aad),
        (nonce, ciphertext, tag, aad[:-1] + bytes([aad[-1] ^ 1])),
    ):
        refused(dut.aes_decrypt(AES_KEY_ID, *forged), Status.DECRYPTION_FAILED)
        assert not any(client.response[8:]), "the response area holds more than the refusal"
        assert residue(dut, needles) == []


@pytest.mark.clause("AES-3", "IPC-5")
@pytest.mark.parametrize("size", [16, 47, 4096, LONGEST_PLAINTEXT - 6])
def test_neither_plaintext_nor_key_stays_in_memory(dut: Dut, size: int) -> None:
    """After success as well: the window carries the answer, the service's own memory keeps nothing of it."""
    text = noise(size, seed=13)
    needles = pieces(text, max(1, size // 256)) + pieces(KEYS[AES_KEY_ID], 1)
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, text)
    assert residue(dut, needles) == [], "after AES_ENCRYPT"
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag)) == text
    assert residue(dut, needles) == [], "after AES_DECRYPT"


@pytest.mark.clause("AES-3", "IPC-5")
def test_a_plaintext_that_is_refused_does_not_stay_in_memory(dut: Dut) -> None:
    for size, status in ((100, Status.KEY_NOT_FOUND), (65_510, Status.PAYLOAD_TOO_LARGE)):
        text = noise(size, seed=14)
        refused(dut.aes_encrypt(0x0BAD_F00D, text), status)
        assert residue(dut, pieces(text, max(1, size // 256))) == []

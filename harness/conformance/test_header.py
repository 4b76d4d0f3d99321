# SPDX-License-Identifier: GPL-2.0-or-later
"""Headers (HDR-1 to HDR-3): every value of every header byte, and the responses as raw bytes."""

from __future__ import annotations

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    LONGEST_PLAINTEXT,
    REFUSALS,
    RawClient,
    granted,
    noise,
    open_outside,
    refused,
)
from harness.default_keys import AES_KEY_ID
from harness.protocol.commands import Status

_KEY = bytes(range(0x40, 0x60))
_EMPTY = bytes.fromhex("01000000 0000")  # AES_ENCRYPT of nothing under key 1
_CLAIMS = (0, 5, 6, 65535, 65536, 65537, 0xFFFF_FFFF, *(1 << bit for bit in range(32)))


@pytest.mark.clause("HDR-1")
@pytest.mark.parametrize(("field", "sound"), [("magic", 0xC7), ("version", 0x01), ("flags", 0x00)])
def test_hdr_1_one_value_of_the_byte_is_sound(dut: Dut, field: str, sound: int) -> None:
    for value in range(256):
        response = dut.send(0x01, _EMPTY, **{field: value})
        wanted = Status.SUCCESS if value == sound else Status.INVALID_HEADER
        assert response.status is wanted, f"{field} {value:#04x}"
        assert len(response.payload) == (28 if value == sound else 0), f"{field} {value:#04x}"


@pytest.mark.clause("HDR-1")
def test_every_type_is_known_or_refused(dut: Dut) -> None:
    """Each of the seven types judges the same payload in its own way: an AES key's id, and zeros."""
    forged = b"\x01\0\0\0" + bytes(60)
    known = {
        0x01: Status.SUCCESS,
        0x02: Status.DECRYPTION_FAILED,
        0x10: Status.KEY_NOT_FOUND,
        0x11: Status.KEY_NOT_FOUND,
        0x20: Status.INVALID_PAYLOAD,
        0x21: Status.INVALID_PAYLOAD,
        0x22: Status.KEY_NOT_FOUND,
    }
    for value in range(256):
        assert dut.send(value, forged).status is known.get(value, Status.INVALID_TYPE), f"type {value:#04x}"


@pytest.mark.clause("HDR-1")
def test_every_pair_of_wrong_header_bytes_is_invalid(dut: Dut) -> None:
    """Two wrong bytes do not make up for one another."""
    for first in range(1, 256):
        refused(dut.send(0x01, _EMPTY, magic=0xC7 ^ first, version=0x01 ^ first), Status.INVALID_HEADER)
        refused(dut.send(0x01, _EMPTY, magic=0xC7 ^ first, flags=first), Status.INVALID_HEADER)
        refused(dut.send(0x01, _EMPTY, version=0x01 ^ first, flags=first), Status.INVALID_HEADER)


@pytest.mark.clause("HDR-1")
def test_a_request_shorter_than_its_header_is_invalid(dut: Dut) -> None:
    """The area behind it is zero: what is left of a cut header is judged as it stands."""
    sound = bytes.fromhex("c7 01 01 00 06 00 00 00")
    for cut in range(9):
        wanted = Status.INVALID_HEADER
        if cut >= 3:
            wanted = Status.INVALID_PAYLOAD if cut < 5 else Status.KEY_NOT_FOUND
        elif cut == 2:
            wanted = Status.INVALID_TYPE
        assert dut.exchange(sound[:cut]).status is wanted, f"{cut} bytes of a header"


@pytest.mark.clause("HDR-1")
@pytest.mark.parametrize("type", [0x01, 0x02])
def test_payload_length_says_how_long_the_payload_is(dut: Dut, type: int) -> None:
    """The claim counts, not what was written: a shorter one cuts, a longer one takes the zeros behind."""
    fixed = 6 if type == 0x01 else 34
    for claim in _CLAIMS:
        response = dut.send(type, b"\x01\0\0\0" + bytes(30), payload_length=claim)
        if claim > 65536:
            refused(response, Status.PAYLOAD_TOO_LARGE)
        elif claim < fixed:
            refused(response, Status.INVALID_PAYLOAD)
        elif type == 0x02:
            refused(response, Status.DECRYPTION_FAILED)
        elif claim - 6 > LONGEST_PLAINTEXT:
            refused(response, Status.PAYLOAD_TOO_LARGE)
        else:
            assert len(granted(response)) == 28 + claim - 6, f"payload_length {claim}"


@pytest.mark.clause("HDR-1")
def test_payload_length_is_little_endian(dut: Dut) -> None:
    for size in (0x0102, 0x0201, 0x1234, 0x3412, 0xFE01):
        text = noise(size)
        payload = granted(dut.exchange(bytes.fromhex("c7010100") + (6 + size).to_bytes(4, "little") + _EMPTY + text))
        assert open_outside(_KEY, (payload[:12], payload[12:-16], payload[-16:])) == text


@pytest.mark.clause("HDR-2")
def test_hdr_2_a_successful_response_as_raw_bytes(dut: Dut) -> None:
    client = RawClient(dut)
    for size in (0, 1, 0x0100 - 28, 0x0101, 0x1234, LONGEST_PLAINTEXT):
        dut.seal(AES_KEY_ID, noise(size))
        assert client.response[:8] == bytes.fromhex("c8010000") + (28 + size).to_bytes(4, "little")


@pytest.mark.clause("HDR-2", "HDR-3")
@pytest.mark.parametrize("status", list(REFUSALS), ids=lambda status: status.name)
def test_an_error_response_as_raw_bytes(dut: Dut, status: Status) -> None:
    """Eight bytes, payload_length 0, even where the response before it was the longest there is."""
    client = RawClient(dut)
    granted(dut.aes_encrypt(AES_KEY_ID, noise(LONGEST_PLAINTEXT)))
    response = REFUSALS[status](dut)
    assert client.response[:8] == bytes([0xC8, 0x01, status, 0x00, 0, 0, 0, 0])
    assert response.payload == b""


@pytest.mark.clause("HDR-2", "HDR-3")
def test_statuses_have_their_numbers(dut: Dut) -> None:
    numbers = {
        "SUCCESS": 0x00,
        "INVALID_HEADER": 0x01,
        "INVALID_TYPE": 0x02,
        "INVALID_PAYLOAD": 0x03,
        "KEY_NOT_FOUND": 0x04,
        "CRYPTO_ERROR": 0x05,
        "DECRYPTION_FAILED": 0x06,
        "RATE_LIMITED": 0x07,
        "NONCE_REUSE": 0x08,
        "PAYLOAD_TOO_LARGE": 0x09,
    }
    assert dut.aes_encrypt(AES_KEY_ID).status == numbers["SUCCESS"]
    for status, provoke in REFUSALS.items():
        response = provoke(dut)
        assert response.status == numbers[status.name]
        assert response.payload == b""
        dut.clock.pace = 1000
        dut.clock.advance(300_000)

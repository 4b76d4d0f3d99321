# SPDX-License-Identifier: GPL-2.0-or-later
"""No fault, no hang, and an answer within the instruction bound, whatever is rung (IPC-6)."""

from __future__ import annotations

from random import Random

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    LONGEST_PLAINTEXT,
    REFUSALS,
    UNKNOWN_TYPE,
    forge,
    granted,
    next_nonce,
    noise,
    nonce_number,
    overrun,
    seal_outside,
)
from harness.default_keys import AES_KEY_ID, MLKEM_KEY_IDS, SECOND_AES_KEY_ID
from harness.protocol import codec
from harness.protocol.codec import encode_request
from harness.protocol.commands import Status

_OPERATION = 1_000_000  # and 200 a byte of payload
_REFUSAL = 200_000
_TYPES = (0x01, 0x02, 0x10, 0x11, 0x20, 0x21, 0x22)


def _within(dut: Dut, limit: int) -> None:
    """The last exchange took no more than so many instructions. Release builds alone promise that."""
    if dut.emulated.build_kind != "release":
        pytest.skip("the bounds hold for release builds")
    limit, used = limit * dut.emulated.instruction_factor, dut.emulated.last_instructions
    assert used <= limit, f"{used} instructions, the bound is {limit}"


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("size", [0, 1, 1000, 65502])
def test_ipc_6_operations_stay_within_their_bound(dut: Dut, size: int) -> None:
    text = noise(size)
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(size), text)
    for corrupt in (1, 0):
        dut.aes_decrypt(AES_KEY_ID, nonce_number(size), ciphertext, bytes([tag[0] ^ corrupt]) + tag[1:])
        _within(dut, _OPERATION + 200 * (34 + size))
    dut.aes_encrypt(AES_KEY_ID, text)
    _within(dut, _OPERATION + 200 * (6 + size))
    dut.aes_encrypt(SECOND_AES_KEY_ID, b"", text)
    _within(dut, _OPERATION + 200 * (6 + size))


@pytest.mark.clause("IPC-6")
def test_the_operation_that_clears_the_whole_nonce_filter_stays_within_its_bound(dut: Dut) -> None:
    """A rotation restarts the tracker: 2 MiB of filter, after which the next operation still answers in time."""
    for number in range(20):
        ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(number))
        granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag))
    dut.keys.rotate(AES_KEY_ID)
    granted(dut.aes_encrypt(AES_KEY_ID))
    _within(dut, _OPERATION + 200 * 6)
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(3))
    granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(3), ciphertext, tag))
    _within(dut, _OPERATION + 200 * 34)


@pytest.mark.clause("IPC-6")
def test_early_refusals_are_cheap_even_behind_the_longest_response(dut: Dut) -> None:
    long = codec.aes_encrypt(AES_KEY_ID, b"", noise(LONGEST_PLAINTEXT))
    for status in (Status.INVALID_HEADER, Status.INVALID_TYPE):
        granted(dut.exchange(long))
        assert REFUSALS[status](dut).status is status
        _within(dut, _REFUSAL)
    granted(dut.exchange(long))
    overrun(dut)
    assert dut.exchange(long).status is Status.RATE_LIMITED
    _within(dut, _REFUSAL)


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_are_answered(dut: Dut, seed: int) -> None:
    random = Random(seed)
    for _ in range(1200):
        response = dut.exchange(random.randbytes(random.choice((0, 1, 7, 8, 9, 14, 42, 64, 300))))
        assert 0 <= response.status <= 9


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("seed", range(3))
def test_random_payloads_behind_sound_headers_are_answered(dut: Dut, seed: int) -> None:
    random = Random(100 + seed)
    seen = set()
    for _ in range(600):
        key_id = random.choice((AES_KEY_ID, SECOND_AES_KEY_ID, random.getrandbits(32)))
        payload = key_id.to_bytes(4, "little") + random.randbytes(random.choice((0, 1, 2, 14, 30, 31, 200, 2000)))
        length = random.choice((len(payload), len(payload), random.getrandbits(random.randrange(33))))
        seen.add(dut.send(random.choice((1, 2)), payload, payload_length=length).status)
    assert {Status.SUCCESS, Status.INVALID_PAYLOAD, Status.DECRYPTION_FAILED, Status.PAYLOAD_TOO_LARGE} <= seen


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("seed", range(3))
def test_damaged_requests_are_answered(dut: Dut, seed: int) -> None:
    """Sound requests with bytes changed, inserted or cut off."""
    random = Random(200 + seed)
    for number in range(600):
        nonce = nonce_number(number)
        text = noise(random.choice((0, 1, 15, 33, 90, 2000, 9000)))
        ciphertext, tag = seal_outside(AES_KEY_ID, nonce, text, b"aad")
        sound = codec.aes_decrypt(AES_KEY_ID, nonce, b"aad", ciphertext, tag)
        if number % 2:
            sound = codec.aes_encrypt(SECOND_AES_KEY_ID, b"aad", text)
        damaged = bytearray(sound)
        for _ in range(random.randrange(3)):
            place = random.randrange(len(damaged))
            damaged[place : place + random.randrange(2)] = random.randbytes(random.randrange(3))
        dut.exchange(bytes(damaged[: random.choice((len(damaged), len(damaged), random.randrange(1, 60)))]))


@pytest.mark.clause("IPC-6", "KEY-2")
def test_random_key_storage_is_survived(dut: Dut) -> None:
    """The key manager is trusted, its storage is not: no content of it makes the service fault."""
    random = Random(300)
    sound = dut.keys.raw
    request = codec.aes_encrypt(AES_KEY_ID, b"", b"text")
    for number in range(150):
        image = bytearray(random.randbytes(45056) if number % 3 == 0 else sound)
        if number % 3 == 1:
            image[:8] = b"HILK\x01\0\x10\0"
            image[16:] = random.randbytes(len(image) - 16)
        for _ in range(random.randrange(4)):
            image[random.randrange(5400)] = random.randrange(256)
        dut.keys.write(bytes(image))
        dut.exchange(request)
        dut.aes_encrypt(int.from_bytes(image[16:20], "little"))
    dut.keys.repair()
    granted(dut.exchange(request))


@pytest.mark.clause("IPC-6")
def test_every_claimed_length_is_answered(dut: Dut) -> None:
    lengths = {*range(48), *(1 << bit for bit in range(32)), *((1 << bit) - 1 for bit in range(33)), 65535, 65537}
    for type, key_id in ((0x01, AES_KEY_ID), (0x02, AES_KEY_ID), (0x20, MLKEM_KEY_IDS[512]), (UNKNOWN_TYPE, 1)):
        for length in sorted(lengths):
            dut.send(type, key_id.to_bytes(4, "little") + bytes(30), payload_length=length)
    assert forge(dut).status is Status.DECRYPTION_FAILED


@pytest.mark.clause("IPC-6")
def test_the_service_goes_on_after_every_refusal(dut: Dut) -> None:
    for status, provoke in REFUSALS.items():
        if status is Status.CRYPTO_ERROR:
            continue
        dut.clock.pace = 1000
        dut.clock.advance(300_000)
        assert provoke(dut).status is status
        dut.clock.advance(100_000)
        assert next_nonce(dut)


@pytest.mark.clause("IPC-6")
def test_every_type_with_every_kind_of_payload_is_answered(dut: Dut) -> None:
    for type in range(256):
        for payload in (b"", bytes(1), b"\x01\0\0\0" + bytes(60)):
            response = dut.exchange(encode_request(type, payload))
            assert (response.status is Status.INVALID_TYPE) == (type not in _TYPES), f"type {type:#04x}"

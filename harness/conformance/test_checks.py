# SPDX-License-Identifier: GPL-2.0-or-later
"""Order of checks (VAL-1): of two checks that a request fails the earlier one answers, and nothing after it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    LONGEST_PLAINTEXT,
    UNKNOWN_TYPE,
    exhaust,
    forge,
    granted,
    next_nonce,
    noise,
    nonce_number,
    refused,
    seal_outside,
    set_encryptions,
)
from harness.conformance.support_pq import FAILED, NO_KEY, UNSOUND, WRONG_SIZE
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.codec import RawRequest
from harness.protocol.commands import Status

_USED = nonce_number(77)  # a nonce that `used` records under key 1
_BAD_HEADERS: tuple[dict[str, int], ...] = ({"magic": 0xC8}, {"version": 2}, {"flags": 1})


def _decrypt(key_id: int, nonce: bytes, aad_length: int, rest: bytes) -> bytes:
    return key_id.to_bytes(4, "little") + nonce + aad_length.to_bytes(2, "little") + rest


def _encrypt(key_id: int, aad_length: int, rest: bytes = b"") -> bytes:
    return key_id.to_bytes(4, "little") + aad_length.to_bytes(2, "little") + rest


# Payloads by the one check that they fail, with their types.
_TOO_LONG_RESPONSE = _encrypt(AES_KEY_ID, 0, bytes(LONGEST_PLAINTEXT + 1))
_FAILING: dict[str, tuple[int, bytes, dict[str, int]]] = {
    "too large": (0x01, _encrypt(AES_KEY_ID, 0), {"payload_length": 65537}),
    "response too large": (0x01, _TOO_LONG_RESPONSE, {}),
    "structure of encrypt": (0x01, _encrypt(AES_KEY_ID, 1), {}),
    "structure of decrypt": (0x02, _decrypt(AES_KEY_ID, bytes(12), 1, bytes(16)), {}),
    "key": (0x01, _encrypt(UNKNOWN_KEY_ID, 0), {}),
    "nonce": (0x02, _decrypt(AES_KEY_ID, _USED, 0, seal_outside(AES_KEY_ID, _USED)[1]), {}),
    "operation": (0x02, _decrypt(AES_KEY_ID, bytes(12), 0, bytes(16)), {}),
    **{
        name: (type, payload, {})
        for requests in (UNSOUND, NO_KEY, WRONG_SIZE, FAILED)
        for name, (type, payload) in requests.items()
    },
}


@pytest.fixture
def used(dut: Dut) -> Dut:
    """A service that has recorded `_USED` for key 1."""
    ciphertext, tag = seal_outside(AES_KEY_ID, _USED)
    granted(dut.aes_decrypt(AES_KEY_ID, _USED, ciphertext, tag))
    return dut


@pytest.mark.clause("VAL-1")
def test_the_limiter_comes_before_everything(used: Dut) -> None:
    exhaust(used)
    for headers in ({}, *_BAD_HEADERS):
        for name, (type, payload, more) in _FAILING.items():
            response = used.send(type, payload, **headers, **more)
            assert response.status is Status.RATE_LIMITED, f"{name} with {headers}"
        refused(used.send(UNKNOWN_TYPE, b"", **headers), Status.RATE_LIMITED)
    refused(used.exchange(b""), Status.RATE_LIMITED)
    refused(used.aes_encrypt(AES_KEY_ID, b"sound"), Status.RATE_LIMITED)


@pytest.mark.clause("VAL-1")
@pytest.mark.parametrize("header", _BAD_HEADERS, ids=lambda header: next(iter(header)))
def test_the_header_comes_before_type_length_structure_key_nonce_and_operation(
    used: Dut, header: dict[str, int]
) -> None:
    for name, (type, payload, more) in _FAILING.items():
        assert used.send(type, payload, **header, **more).status is Status.INVALID_HEADER, name
    refused(used.send(UNKNOWN_TYPE, b"", **header), Status.INVALID_HEADER)
    refused(used.send(UNKNOWN_TYPE, b"", payload_length=65537, **header), Status.INVALID_HEADER)


@pytest.mark.clause("VAL-1")
def test_the_type_comes_before_length_structure_key_nonce_and_operation(used: Dut) -> None:
    for name, (_, payload, more) in _FAILING.items():
        for type in (0x00, 0x03, 0x12, 0x23, UNKNOWN_TYPE, 0xFF):
            assert used.send(type, payload, **more).status is Status.INVALID_TYPE, f"{name}, type {type:#04x}"
    refused(used.send(UNKNOWN_TYPE, b"", payload_length=0xFFFF_FFFF), Status.INVALID_TYPE)


@pytest.mark.clause("VAL-1", "HDR-3")
def test_each_of_these_requests_fails_the_check_that_it_is_named_for(dut: Dut) -> None:
    """Those of ML-DSA and ML-KEM; so that the other cases are about what they say."""
    checks = {
        Status.INVALID_PAYLOAD: UNSOUND | WRONG_SIZE,
        Status.KEY_NOT_FOUND: NO_KEY,
        Status.CRYPTO_ERROR: FAILED,
    }
    for status, requests in checks.items():
        for name, (type, payload) in requests.items():
            response = dut.send(type, payload)
            assert response.status is status, name
            assert response.payload == b"", name


@pytest.mark.clause("VAL-1")
def test_a_too_large_payload_comes_before_structure_key_nonce_and_operation(used: Dut) -> None:
    for name, (type, payload, _) in _FAILING.items():
        for length in (65537, 65538, 0x0001_0000 + len(payload), 0x8000_0000, 0xFFFF_FFFF):
            if length > 65536:
                response = used.send(type, payload, payload_length=length)
                assert response.status is Status.PAYLOAD_TOO_LARGE, f"{name}, payload_length {length}"


@pytest.mark.clause("VAL-1")
@pytest.mark.parametrize(
    ("length", "status"),
    [
        (65507, Status.SUCCESS),
        (65508, Status.SUCCESS),
        (65509, Status.PAYLOAD_TOO_LARGE),
        (65510, Status.PAYLOAD_TOO_LARGE),
        (65530, Status.PAYLOAD_TOO_LARGE),
    ],
)
def test_a_response_over_64_kib_is_too_large(dut: Dut, length: int, status: Status) -> None:
    response = dut.aes_encrypt(AES_KEY_ID, noise(length))
    assert response.status is status
    assert len(response.payload) == (length + 28 if status is Status.SUCCESS else 0)


@pytest.mark.clause("VAL-1")
def test_a_too_large_response_comes_before_the_key_and_its_encryption_counter(dut: Dut) -> None:
    for key_id in (UNKNOWN_KEY_ID, 0):
        refused(dut.send(0x01, _encrypt(key_id, 0, bytes(LONGEST_PLAINTEXT + 1))), Status.PAYLOAD_TOO_LARGE)
    next_nonce(dut)
    set_encryptions(dut, AES_KEY_ID, 1 << 32)
    refused(dut.aes_encrypt(AES_KEY_ID), Status.NONCE_REUSE)
    refused(dut.send(0x01, _TOO_LONG_RESPONSE), Status.PAYLOAD_TOO_LARGE)


@pytest.mark.clause("VAL-1")
def test_a_response_is_too_large_only_where_the_structure_is_sound(dut: Dut) -> None:
    """An aad_length that points behind a payload of 65536 bytes is INVALID_PAYLOAD, whatever the key."""
    for aad_length in (65531, 65532, 65535):
        for key_id in (AES_KEY_ID, UNKNOWN_KEY_ID):
            refused(dut.send(0x01, _encrypt(key_id, aad_length, bytes(65530))), Status.INVALID_PAYLOAD)
    # The aad takes its share: what it leaves for the plaintext is short enough again.
    granted(dut.send(0x01, _encrypt(AES_KEY_ID, 22, bytes(65530))))
    refused(dut.send(0x01, _encrypt(AES_KEY_ID, 21, bytes(65530))), Status.PAYLOAD_TOO_LARGE)


@pytest.mark.clause("VAL-1")
def test_structure_comes_before_key_nonce_and_operation(used: Dut) -> None:
    tag = seal_outside(AES_KEY_ID, _USED)[1]
    for key_id in (AES_KEY_ID, UNKNOWN_KEY_ID, 0):
        refused(used.send(0x01, _encrypt(key_id, 1)), Status.INVALID_PAYLOAD)
        for cut in range(6):
            refused(used.send(0x01, _encrypt(key_id, 0)[:cut]), Status.INVALID_PAYLOAD)
        for nonce in (_USED, bytes(12)):
            refused(used.send(0x02, _decrypt(key_id, nonce, 1, tag)), Status.INVALID_PAYLOAD)
            refused(used.send(0x02, _decrypt(key_id, nonce, 0xFFFF, bytes(100))), Status.INVALID_PAYLOAD)
            for cut in (0, 4, 16, 17, 18, 33):
                refused(used.send(0x02, _decrypt(key_id, nonce, 0, tag)[:cut]), Status.INVALID_PAYLOAD)


@pytest.mark.clause("VAL-1")
def test_structure_comes_before_the_encryption_counter(dut: Dut) -> None:
    next_nonce(dut)
    set_encryptions(dut, AES_KEY_ID, 1 << 32)
    refused(dut.send(0x01, _encrypt(AES_KEY_ID, 1)), Status.INVALID_PAYLOAD)


@pytest.mark.clause("VAL-1")
def test_the_key_comes_before_nonce_and_operation(used: Dut) -> None:
    """An unknown key, one that is not intact, and one of another algorithm; with a used nonce, and with a false tag."""
    tag = seal_outside(AES_KEY_ID, _USED)[1]
    for key_id in (UNKNOWN_KEY_ID, 0):
        for final in (tag, bytes(16)):
            refused(used.send(0x02, _decrypt(key_id, _USED, 0, final)), Status.KEY_NOT_FOUND)
    used.keys.corrupt(AES_KEY_ID)
    for final in (tag, bytes(16)):
        for nonce in (_USED, bytes(12)):
            refused(used.send(0x02, _decrypt(AES_KEY_ID, nonce, 0, final)), Status.KEY_NOT_FOUND)
    used.keys.repair()
    refused(used.send(0x02, _decrypt(AES_KEY_ID, _USED, 0, tag)), Status.NONCE_REUSE)


@pytest.mark.clause("VAL-1")
def test_the_key_comes_before_the_encryption_counter(dut: Dut) -> None:
    next_nonce(dut)
    set_encryptions(dut, AES_KEY_ID, 1 << 32)
    refused(dut.aes_encrypt(AES_KEY_ID), Status.NONCE_REUSE)
    dut.keys.corrupt(AES_KEY_ID)
    refused(dut.aes_encrypt(AES_KEY_ID), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    refused(dut.aes_encrypt(AES_KEY_ID), Status.NONCE_REUSE)


@pytest.mark.clause("VAL-1")
def test_the_nonce_comes_before_the_operation(used: Dut) -> None:
    refused(used.aes_decrypt(AES_KEY_ID, _USED, b"", bytes(16)), Status.NONCE_REUSE)
    refused(used.aes_decrypt(AES_KEY_ID, _USED, bytes(40), bytes(16), b"aad"), Status.NONCE_REUSE)
    refused(used.aes_decrypt(SECOND_AES_KEY_ID, _USED, b"", bytes(16)), Status.DECRYPTION_FAILED)


# ---- a refused request has no later effect ----


def _all_refused(dut: Dut) -> None:
    """Every kind of refusal but the limiter's."""
    for type, payload, more in _FAILING.values():
        assert dut.send(type, payload, **more).status is not Status.SUCCESS
        for header in _BAD_HEADERS:
            refused(dut.send(type, payload, **header, **more), Status.INVALID_HEADER)
    refused(dut.send(UNKNOWN_TYPE), Status.INVALID_TYPE)


@pytest.mark.clause("VAL-1", "RNG-2")
def test_a_refused_request_draws_no_nonce(used: Dut) -> None:
    """The nonces of a service that was asked for nothing else come out again between refusals of every kind."""
    undisturbed = [next_nonce(used) for _ in range(4)]
    used.boot()
    ciphertext, tag = seal_outside(AES_KEY_ID, _USED)
    granted(used.aes_decrypt(AES_KEY_ID, _USED, ciphertext, tag))
    for nonce in undisturbed[:3]:
        _all_refused(used)
        assert next_nonce(used) == nonce
    exhaust(used)
    for _ in range(20):
        refused(used.aes_encrypt(AES_KEY_ID, b"limited"), Status.RATE_LIMITED)
    used.clock.advance(100_000)
    assert next_nonce(used) == undisturbed[3]


@pytest.mark.clause("VAL-1", "NON-2")
def test_a_refused_decryption_records_no_nonce(dut: Dut) -> None:
    nonce = nonce_number(5)
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce, b"text", b"aad")
    sound = codec.aes_decrypt(AES_KEY_ID, nonce, b"aad", ciphertext, tag)
    refused(dut.exchange(sound[:1] + b"\x02" + sound[2:]), Status.INVALID_HEADER)
    refused(dut.exchange(sound[:3] + b"\x01" + sound[4:]), Status.INVALID_HEADER)
    refused(dut.send(UNKNOWN_TYPE, sound[8:]), Status.INVALID_TYPE)
    refused(dut.exchange(sound[:4] + b"\x01\x00\x01\x00" + sound[8:]), Status.PAYLOAD_TOO_LARGE)
    refused(dut.exchange(sound[:24] + b"\x08" + sound[25:]), Status.INVALID_PAYLOAD)
    dut.keys.corrupt(AES_KEY_ID)
    refused(dut.exchange(sound), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    exhaust(dut)
    refused(dut.exchange(sound), Status.RATE_LIMITED)
    dut.clock.advance(100_000)
    assert granted(dut.exchange(sound)) == b"text"
    refused(dut.exchange(sound), Status.NONCE_REUSE)


def _unjudged(request: RawRequest) -> Callable[[Dut], object]:
    return lambda dut: dut.exchange(request.encode())


@pytest.mark.clause("VAL-1", "KEY-3")
@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(_unjudged(RawRequest(0x02, magic=0)), id="header"),
        pytest.param(_unjudged(RawRequest(UNKNOWN_TYPE)), id="type"),
        pytest.param(_unjudged(RawRequest(0x02, _FAILING["operation"][1], payload_length=65537)), id="too-large"),
        pytest.param(_unjudged(RawRequest(*_FAILING["response too large"][:2])), id="response-too-large"),
        pytest.param(_unjudged(RawRequest(*_FAILING["structure of decrypt"][:2])), id="structure"),
    ],
)
def test_a_request_refused_before_the_key_check_does_not_judge_the_storage(
    used: Dut, refusal: Callable[[Dut], object]
) -> None:
    """A key that is away, or rotated, only while such requests come, keeps its tracker."""
    sound = used.keys.image
    for image in (type(sound)((sound.slots[2],)), type(sound)((sound.slot(AES_KEY_ID).rotated(bytes(32)),))):
        used.keys.write(image.build())
        refusal(used)
        used.keys.repair()
        refused(used.aes_decrypt(AES_KEY_ID, _USED, *seal_outside(AES_KEY_ID, _USED)), Status.NONCE_REUSE)


@pytest.mark.clause("VAL-1")
def test_every_refusal_takes_a_token(dut: Dut) -> None:
    dut.clock.pace = 0
    dut.clock.advance(1_000_000)
    for number in range(100):
        type, payload, more = list(_FAILING.values())[number % len(_FAILING)]
        assert dut.send(type, payload, **more).status is not Status.RATE_LIMITED, f"request {number + 1}"
    refused(forge(dut), Status.RATE_LIMITED)

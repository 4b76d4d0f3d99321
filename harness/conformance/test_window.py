# SPDX-License-Identifier: GPL-2.0-or-later
"""The window (IPC-1 to IPC-3, IPC-5): where the areas are, what a doorbell means, what stays behind a response."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    AREA_BYTES,
    LONGEST_PLAINTEXT,
    REFUSALS,
    REQUEST_AREA,
    RESPONSE_AREA,
    UNKNOWN_TYPE,
    WINDOW_SIZE,
    RawClient,
    granted,
    next_nonce,
    noise,
    nonce_number,
    open_outside,
    pieces,
    refused,
    residue,
    seal_outside,
)
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.codec import decode_response, encode_response
from harness.protocol.commands import Status

# ---- IPC-1: shared memory, signal, one request at a time ----


@pytest.mark.clause("IPC-1", "IPC-3")
def test_a_request_is_no_request_until_it_is_rung(dut: Dut) -> None:
    client = RawClient(dut)
    request = codec.aes_encrypt(AES_KEY_ID, b"", b"not yet")
    client.write(REQUEST_AREA, request)
    for _ in range(3):
        client.wake()
        assert client.answered == 0
        assert not any(client.response)
    assert client.exchange(request, 1).status is Status.SUCCESS


@pytest.mark.clause("IPC-1")
def test_the_answer_is_there_when_the_service_idles(dut: Dut) -> None:
    client = RawClient(dut)
    for value, size in enumerate((0, 1, 1000, 65508, 3), start=1):
        granted(client.exchange(codec.aes_encrypt(AES_KEY_ID, b"", bytes(size)), value))
        assert client.answered == value


@pytest.mark.clause("IPC-1")
def test_ipc_1_each_request_gets_its_own_response(dut: Dut) -> None:
    for number in range(40):
        text = noise(37 * number, seed=number)
        key_id = (AES_KEY_ID, SECOND_AES_KEY_ID)[number % 2]
        nonce, ciphertext, tag = dut.seal(key_id, text)
        assert granted(dut.aes_decrypt(key_id, nonce, ciphertext, tag)) == text


# ---- IPC-2: the areas ----


@pytest.mark.clause("IPC-2")
def test_areas_begin_at_their_pages(dut: Dut) -> None:
    client = RawClient(dut)
    assert dut.emulated.board.window.size == WINDOW_SIZE
    assert dut.emulated.board.window.base % 4096 == 0
    client.write(0x01000, bytes.fromhex("c7 01 01 00 06 00 00 00 01 00 00 00 00 00"))
    client.predict(client.read(0x01000, 14))
    client.write(0x00000, bytes.fromhex("01 00 00 00"))
    client.wake()
    assert client.read(0x00004, 4).hex() == "01000000"
    assert client.read(0x12000, 8).hex() == "c80100001c000000"
    assert client.read(0x12000 + 8 + 28, 64) == bytes(64)


@pytest.mark.clause("IPC-2")
def test_the_request_area_holds_a_full_payload(dut: Dut) -> None:
    """The tag's last byte is the area's last: cut short, or one byte off, it does not verify."""
    text = noise(65536 - 34)
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(1), text)
    request = codec.aes_decrypt(AES_KEY_ID, nonce_number(1), b"", ciphertext, tag)
    assert len(request) == AREA_BYTES
    refused(dut.exchange(request[:-1] + bytes([request[-1] ^ 1])), Status.DECRYPTION_FAILED)
    assert granted(dut.exchange(request)) == text


@pytest.mark.clause("IPC-2")
def test_the_response_area_holds_a_full_payload(dut: Dut) -> None:
    text = noise(LONGEST_PLAINTEXT)
    payload = granted(dut.aes_encrypt(AES_KEY_ID, text))
    assert len(payload) == 65536
    assert open_outside(bytes(range(0x40, 0x60)), (payload[:12], payload[12:-16], payload[-16:])) == text
    assert RawClient(dut).read(RESPONSE_AREA + 8 + 65535, 1) == payload[-1:]


@pytest.mark.clause("IPC-2", "IPC-3")
def test_nothing_outside_response_and_response_doorbell_is_written(dut: Dut) -> None:
    client = RawClient(dut)
    ours = ((8, REQUEST_AREA), (REQUEST_AREA + AREA_BYTES, RESPONSE_AREA), (RESPONSE_AREA + AREA_BYTES, WINDOW_SIZE))
    for begin, end in ours:
        client.write(begin, b"\xa5" * (end - begin))
    request = codec.aes_encrypt(AES_KEY_ID, b"", noise(LONGEST_PLAINTEXT))
    for value, sent in enumerate((request, codec.encode_request(UNKNOWN_TYPE), request), start=1):
        client.exchange(sent, value)
        assert client.read(0, 4) == value.to_bytes(4, "little")
        for begin, end in ours:
            assert client.read(begin, end - begin) == b"\xa5" * (end - begin), f"{begin:#x}..{end:#x} was written"


# ---- IPC-3: doorbells ----


@pytest.mark.clause("IPC-3")
def test_a_value_is_answered_once(dut: Dut) -> None:
    """Woken again, or rung with the value that it answered, the service does nothing: no answer, no draw, no token."""
    client = RawClient(dut)
    request = codec.aes_encrypt(AES_KEY_ID, b"", b"once")
    client.exchange(request, 1)
    for _ in range(150):
        client.write(RESPONSE_AREA, b"\x5a" * 64)
        client.ring(1)
        client.wake()
        assert client.answered == 1
        assert client.read(RESPONSE_AREA, 64) == b"\x5a" * 64
    dut.clock.pace = 0
    assert client.exchange(request, 2).status is Status.SUCCESS


@pytest.mark.clause("IPC-3")
def test_zero_is_answered_already_at_start(dut: Dut) -> None:
    client = RawClient(dut)
    client.write(REQUEST_AREA, codec.aes_encrypt(AES_KEY_ID, b"", b"zero"))
    client.ring(0)
    client.wake()
    assert not any(client.response)


@pytest.mark.clause("IPC-3")
def test_any_other_value_is_a_new_one(dut: Dut) -> None:
    """By one, by many, by single bits, down again, round through 0xFFFFFFFF to 0: each is answered, with itself."""
    client = RawClient(dut)
    values = [1, 2, 9, 3, *(1 << bit for bit in range(32)), 0x8000_0001, 0xFFFF_FFFE, 0xFFFF_FFFF, 0, 1, 0xFFFF_FFFF]
    for number, value in enumerate(values):
        text = noise(16, seed=number)
        payload = granted(client.exchange(codec.aes_encrypt(AES_KEY_ID, b"", text), value))
        assert client.answered == value
        assert open_outside(bytes(range(0x40, 0x60)), (payload[:12], payload[12:-16], payload[-16:])) == text
        client.write(RESPONSE_AREA, b"\x5a" * 64)
        client.wake()
        assert client.read(RESPONSE_AREA, 64) == b"\x5a" * 64, f"value {value:#x} was answered twice"


@pytest.mark.clause("IPC-3")
def test_what_the_client_does_to_the_response_doorbell_means_nothing(dut: Dut) -> None:
    client = RawClient(dut)
    request = codec.aes_encrypt(AES_KEY_ID, b"", b"scribble")
    client.exchange(request, 1)
    client.write(RESPONSE_AREA, b"\x5a" * 64)
    for value in (0, 2, 0xFFFF_FFFF):
        client.write(4, value.to_bytes(4, "little"))
        client.wake()
        assert client.read(RESPONSE_AREA, 64) == b"\x5a" * 64
    client.write(4, (2).to_bytes(4, "little"))
    assert client.exchange(request, 2).status is Status.SUCCESS
    client.write(4, (9).to_bytes(4, "little"))
    assert client.exchange(request, 3).status is Status.SUCCESS


@pytest.mark.clause("IPC-3")
@pytest.mark.parametrize(("size", "step"), [(LONGEST_PLAINTEXT, 20_000), (0, 3_000)], ids=["long", "short"])
def test_the_response_comes_before_its_doorbell(dut: Dut, size: int, step: int) -> None:
    """Watched every few thousand instructions: once the doorbell shows the value, the response is all there.

    The short response follows a long one, of which nothing may be left by then either.
    """
    client = RawClient(dut)
    client.exchange(codec.aes_encrypt(AES_KEY_ID, b"", noise(LONGEST_PLAINTEXT)), 1)
    request = codec.aes_encrypt(AES_KEY_ID, b"", noise(size))
    expected = encode_response(client.predict(request)).ljust(AREA_BYTES, b"\0")
    client.write(REQUEST_AREA, request)
    client.ring(2)
    watched = 0
    while client.answered != 2:
        dut.machine.cpu.run(step)
        watched += 1
        assert watched * step < 40_000_000, "the service does not answer"
    assert client.response == expected
    client.wake()
    assert client.response == expected


# ---- IPC-5: nothing stays behind ----


def _short(size: int) -> Callable[[Dut], object]:
    return lambda dut: dut.aes_encrypt(AES_KEY_ID, bytes(size))


_SHORTER: dict[str, Callable[[Dut], object]] = {
    "0 bytes": _short(0),
    "1 byte": _short(1),
    "4099 bytes": _short(4099),
    **{status.name: provoke for status, provoke in REFUSALS.items() if status is not Status.CRYPTO_ERROR},
}


@pytest.mark.clause("IPC-5")
@pytest.mark.parametrize("size", [17, 5000, LONGEST_PLAINTEXT])
def test_a_shorter_response_leaves_zeros_behind_it(dut: Dut, size: int) -> None:
    client = RawClient(dut)
    for name, provoke in _SHORTER.items():
        dut.clock.pace = 1000
        dut.clock.advance(300_000)
        dut.aes_encrypt(AES_KEY_ID, noise(size))
        provoke(dut)
        area = client.response
        end = 8 + len(decode_response(area).payload)
        assert not any(area[end:]), f"{name} after {size} bytes: a byte stays behind the response"


@pytest.mark.clause("IPC-5")
def test_responses_of_any_length_leave_zeros_behind_them(dut: Dut) -> None:
    client = RawClient(dut)
    random = Random(5)
    for number in range(80):
        size = random.choice((0, 1, 40, 3000, LONGEST_PLAINTEXT, random.randrange(LONGEST_PLAINTEXT)))
        if number % 3:
            dut.seal(AES_KEY_ID, noise(size, seed=number))
            end = 8 + 28 + size
        else:
            size = min(size, 65502)
            ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(number), noise(size, seed=number))
            granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag))
            end = 8 + size
        assert not any(client.response[end:]), f"response {number}, {size} bytes"


@pytest.mark.clause("IPC-5")
def test_plaintext_does_not_stay_in_the_response_area(dut: Dut) -> None:
    client = RawClient(dut)
    text = noise(20_000)
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(7), text)
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(7), ciphertext, tag)) == text
    refused(dut.aes_decrypt(AES_KEY_ID, nonce_number(7), ciphertext, tag), Status.NONCE_REUSE)
    area = client.response
    assert not [piece for piece in pieces(text) if piece in area]


@pytest.mark.clause("IPC-5")
def test_a_refused_request_leaves_nothing_of_itself(dut: Dut) -> None:
    client = RawClient(dut)
    refused(dut.aes_encrypt(UNKNOWN_KEY_ID, noise(65000)), Status.KEY_NOT_FOUND)
    assert not any(client.response[8:])
    refused(dut.send(0x01, b"\x01\0\0\0\xff\xff" + noise(65000)), Status.INVALID_PAYLOAD)
    assert not any(client.response[8:])


@pytest.mark.clause("IPC-5")
def test_what_the_client_leaves_in_the_response_area_does_not_matter(dut: Dut) -> None:
    """The difference to the response before is cleared even where the client has scribbled over it since."""
    client = RawClient(dut)
    client.write(RESPONSE_AREA, b"\xff" * AREA_BYTES)
    for size in (0, 500, 3):
        nonce, ciphertext, tag = dut.seal(AES_KEY_ID, noise(size))
        assert open_outside(bytes(range(0x40, 0x60)), (nonce, ciphertext, tag)) == noise(size)
    dut.seal(AES_KEY_ID, noise(LONGEST_PLAINTEXT))
    for size, before in ((40_000, LONGEST_PLAINTEXT), (100, 40_000), (99, 100)):
        client.write(RESPONSE_AREA, b"\xff" * AREA_BYTES)
        dut.seal(AES_KEY_ID, noise(size))
        assert not any(client.response[8 + 28 + size : 8 + 28 + before]), f"{size} bytes after {before}"


@pytest.mark.clause("IPC-5", "HDR-1")
def test_what_lies_behind_the_request_is_not_part_of_it(dut: Dut) -> None:
    """The area is full of a pattern; only payload_length bytes of it are the request."""
    client = RawClient(dut)
    client.write(REQUEST_AREA, b"\xee" * AREA_BYTES)
    sealed = [granted(client.exchange(codec.aes_encrypt(AES_KEY_ID, b"aad", bytes(size)), size + 1)) for size in (0, 3)]
    assert [len(payload) for payload in sealed] == [28, 31]
    client.write(REQUEST_AREA, b"\xee" * AREA_BYTES)
    for value, cut in enumerate(range(6), start=10):
        request = codec.encode_request(0x01, bytes(cut))
        refused(client.exchange(request, value), Status.INVALID_PAYLOAD)
    head = b"\x01\0\0\0" + nonce_number(1) + b"\0\0"
    for value, cut in enumerate((0, 4, 17, 18, 33), start=20):
        request = codec.encode_request(0x02, (head + bytes(16))[:cut])
        refused(client.exchange(request, value), Status.INVALID_PAYLOAD)
    # One byte of aad more than the payload holds is not taken from behind it.
    refused(client.exchange(codec.encode_request(0x01, b"\x01\0\0\0\x02\0a"), 30), Status.INVALID_PAYLOAD)


@pytest.mark.clause("IPC-5")
def test_what_lies_behind_the_request_is_not_kept(dut: Dut) -> None:
    """The service's own memory holds nothing of the area behind a request, served or refused."""
    client = RawClient(dut)
    behind = noise(AREA_BYTES, seed=70)
    requests = (
        codec.aes_encrypt(AES_KEY_ID, b"aad", b"text"),
        codec.aes_decrypt(
            AES_KEY_ID, nonce_number(1), b"aad", *seal_outside(AES_KEY_ID, nonce_number(1), b"t", b"aad")
        ),
        codec.aes_decrypt(AES_KEY_ID, nonce_number(2), b"", b"forged", bytes(16)),
        codec.encode_request(0x01, bytes(5)),
    )
    for value, request in enumerate(requests, start=1):
        client.write(REQUEST_AREA, behind)
        client.exchange(request, value)
        assert residue(dut, pieces(behind[len(request) : len(request) + 256], 1)) == []


@pytest.mark.clause("IPC-3", "IPC-5")
def test_a_client_that_never_clears_gets_right_answers(dut: Dut) -> None:
    """Requests written over one another, longest first, with the doorbell alone to tell them apart."""
    client = RawClient(dut)
    for value, size in enumerate((30_000, 200, 17, 16, 15, 1, 0), start=1):
        text = noise(size, seed=value)
        payload = granted(client.exchange(codec.aes_encrypt(SECOND_AES_KEY_ID, b"\x11" * value, text), value))
        sealed = payload[:12], payload[12:-16], payload[-16:]
        assert open_outside(bytes(range(0x80, 0xA0)), sealed, b"\x11" * value) == text
    assert next_nonce(dut)

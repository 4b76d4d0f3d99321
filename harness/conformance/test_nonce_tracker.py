# SPDX-License-Identifier: GPL-2.0-or-later
"""The nonce tracker (NON-1 to NON-4): replays refused, forgeries harmless, the filter exact, a full window final."""

from __future__ import annotations

import re
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.conformance.dut import Dut
from harness.conformance.support import (
    KEYS,
    bit_flips,
    granted,
    next_nonce,
    noise,
    nonce_number,
    refused,
    seal_outside,
    set_recorded,
    state_of,
)
from harness.default_keys import AES_KEY_ID, ENTROPY, SECOND_AES_KEY_ID
from harness.model.drbg import CtrDrbg
from harness.model.siphash import siphash24_128
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, aes_slot

_FILTER_BYTES = 2 * 1024 * 1024


def _open(dut: Dut, number: int, key_id: int = AES_KEY_ID) -> Response:
    """Decrypt the genuine empty message of this nonce."""
    ciphertext, tag = seal_outside(key_id, nonce_number(number))
    return dut.aes_decrypt(key_id, nonce_number(number), ciphertext, tag)


def _forge(dut: Dut, number: int, tag: bytes = bytes(16)) -> Response:
    return dut.aes_decrypt(AES_KEY_ID, nonce_number(number), b"", tag)


# ---- NON-1 ----


@pytest.mark.clause("NON-1")
def test_non_1_a_replay_is_refused(dut: Dut) -> None:
    """At once and later, with other text, other aad and another tag as well: the nonce alone decides."""
    for number in range(200):
        granted(_open(dut, number))
        refused(_open(dut, number), Status.NONCE_REUSE)
    for number in range(200):
        refused(_open(dut, number), Status.NONCE_REUSE)
        ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(number), b"text", b"aad")
        refused(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag, b"aad"), Status.NONCE_REUSE)
        refused(_forge(dut, number), Status.NONCE_REUSE)


@pytest.mark.clause("NON-1")
def test_what_the_service_sealed_opens_once(dut: Dut) -> None:
    """Its own nonces are not used up by the encryption."""
    for number in range(100):
        text = noise(number)
        sealed = dut.seal(AES_KEY_ID, text)
        assert granted(dut.aes_decrypt(AES_KEY_ID, *sealed)) == text
        refused(dut.aes_decrypt(AES_KEY_ID, *sealed), Status.NONCE_REUSE)


@pytest.mark.clause("NON-1")
def test_every_bit_of_the_nonce_tells_nonces_apart(dut: Dut) -> None:
    base = noise(12)
    granted(dut.aes_decrypt(AES_KEY_ID, base, *seal_outside(AES_KEY_ID, base)))
    for bit, nonce in bit_flips(base):
        response = dut.aes_decrypt(AES_KEY_ID, nonce, *seal_outside(AES_KEY_ID, nonce))
        assert response.status is Status.SUCCESS, f"bit {bit}"


@pytest.mark.clause("NON-1")
def test_each_key_has_its_own_tracker(dut: Dut) -> None:
    """Four keys, four trackers: what one has seen is new to the others."""
    dut.keys.replace(KeyImage(tuple(aes_slot(key_id, bytes([key_id]) * 32) for key_id in (5, 6, 7, 8))))
    sealed = {key_id: AESGCM(bytes([key_id]) * 32).encrypt(nonce_number(1), b"", None) for key_id in (5, 6, 7, 8)}
    for key_id in (7, 5, 8, 6):
        granted(dut.aes_decrypt(key_id, nonce_number(1), b"", sealed[key_id]))
        refused(dut.aes_decrypt(key_id, nonce_number(1), b"", sealed[key_id]), Status.NONCE_REUSE)
    for key_id in (5, 6, 7, 8):
        refused(dut.aes_decrypt(key_id, nonce_number(1), b"", sealed[key_id]), Status.NONCE_REUSE)


@pytest.mark.clause("NON-1", "KEY-3")
def test_rotation_restarts_the_tracker_of_its_key_alone(dut: Dut) -> None:
    for number in range(50):
        granted(_open(dut, number))
        granted(_open(dut, number, SECOND_AES_KEY_ID))
    dut.keys.rotate(AES_KEY_ID)
    for number in range(50):
        granted(_open(dut, number))
        refused(_open(dut, number), Status.NONCE_REUSE)
        refused(_open(dut, number, SECOND_AES_KEY_ID), Status.NONCE_REUSE)


@pytest.mark.clause("NON-1")
def test_a_boot_restarts_the_trackers(dut: Dut) -> None:
    granted(_open(dut, 1))
    dut.boot(noise(48))
    granted(_open(dut, 1))
    refused(_open(dut, 1), Status.NONCE_REUSE)


# ---- NON-2 ----


@pytest.mark.clause("NON-2")
def test_a_forgery_does_not_burn_the_nonce(dut: Dut) -> None:
    for number in range(10):
        ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(number), b"genuine")
        for forgery in range(20):
            response = dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, noise(16, seed=forgery))
            refused(response, Status.DECRYPTION_FAILED)
        assert granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag)) == b"genuine"
        refused(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag), Status.NONCE_REUSE)


@pytest.mark.clause("NON-2", "NON-4")
def test_forgeries_do_not_fill_the_window(dut: Dut) -> None:
    granted(_open(dut, 0))
    set_recorded(dut, AES_KEY_ID, 999_999)
    for number in range(1, 50):
        refused(_forge(dut, number), Status.DECRYPTION_FAILED)
        refused(_open(dut, 0), Status.NONCE_REUSE)
    assert dut.emulated.peek(f"{state_of(dut, AES_KEY_ID)}.tracker.recorded") == 999_999
    granted(_open(dut, 1))


@pytest.mark.clause("NON-2")
def test_a_success_is_counted_once(dut: Dut) -> None:
    for number in range(30):
        granted(_open(dut, number))
        refused(_open(dut, number), Status.NONCE_REUSE)
        refused(_forge(dut, 1000 + number), Status.DECRYPTION_FAILED)
        next_nonce(dut)
        assert dut.emulated.peek(f"{state_of(dut, AES_KEY_ID)}.tracker.recorded") == number + 1


# ---- NON-3 ----


def _filter_bits(nonces: list[bytes]) -> set[int]:
    """The bits that these nonces set, by the formula of the contract."""
    hash_key = CtrDrbg(ENTROPY).generate(16)
    bits = set()
    for nonce in nonces:
        digest = siphash24_128(hash_key, nonce)
        h1, h2 = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
        bits |= {(h1 + i * h2) % 2**24 for i in range(11)}
    return bits


def _filter_memory(dut: Dut, nonces: list[bytes]) -> bytes:
    """The firmware's filter that holds the first of these nonces."""
    first = min(_filter_bits(nonces[:1]))
    for index in range(4):
        address, _ = dut.machine.symbols.member_address(f"filters[{index}]")
        memory = dut.machine.read(address, _FILTER_BYTES)
        if memory[first // 8] >> first % 8 & 1:
            return memory
    raise AssertionError("no filter holds a nonce that was recorded")


@pytest.mark.clause("NON-3")
def test_the_hash_is_siphash_2_4_128(dut: Dut) -> None:
    """The first two values of the authors' test vectors anchor the formula; the filter's bits are then exactly it."""
    key = bytes(range(16))
    assert siphash24_128(key, b"").hex() == "a3817f04ba25a8e66df67214c7550293"
    assert siphash24_128(key, b"\0").hex() == "da87c1d86b99af44347659119b22fc45"
    nonces = [noise(12, seed=number) for number in range(300)]
    for nonce in nonces:
        granted(dut.aes_decrypt(AES_KEY_ID, nonce, *seal_outside(AES_KEY_ID, nonce)))
        refused(dut.aes_decrypt(AES_KEY_ID, nonce, b"", bytes(16)), Status.NONCE_REUSE)
    memory = _filter_memory(dut, nonces)
    used = [(match.start(), match[0][0]) for match in re.finditer(rb"[^\0]", memory, re.DOTALL)]
    found = {8 * place + bit for place, byte in used for bit in range(8) if byte >> bit & 1}
    assert found == _filter_bits(nonces)
    assert memory == dut.model.keys.aes_keys[AES_KEY_ID].nonces.bits()


@pytest.mark.clause("NON-3")
def test_eleven_bits_make_a_used_nonce_and_ten_do_not(dut: Dut) -> None:
    """Filters prepared by hand: with one bit of a fresh nonce missing, whichever, it is still fresh."""
    granted(_open(dut, 0))
    state = state_of(dut, AES_KEY_ID)
    address, _ = dut.machine.symbols.member_address(f"filters[{state[len('key_states[') : -1]}]")
    tracker = dut.model.keys.aes_keys[AES_KEY_ID].nonces
    before = tracker.recorded
    for number in range(1, 12):
        indexes = sorted(_filter_bits([nonce_number(number)]))
        assert len(indexes) == 11
        _prepare(dut, address, indexes[: number - 1] + indexes[number:])
        refused(_forge(dut, number), Status.DECRYPTION_FAILED)
        _prepare(dut, address, indexes)
        refused(_forge(dut, number), Status.NONCE_REUSE)
        refused(_open(dut, number), Status.NONCE_REUSE)
    assert dut.emulated.peek(f"{state}.tracker.recorded") == before


def _prepare(dut: Dut, address: int, bits: list[int]) -> None:
    """Set bits of the filter of key 1, in firmware and model, and count nothing."""
    tracker = dut.model.keys.aes_keys[AES_KEY_ID].nonces
    before = tracker.recorded
    tracker.record(bits)
    tracker.recorded = before
    for bit in bits:
        old = dut.machine.read(address + bit // 8, 1)[0]
        dut.machine.write(address + bit // 8, bytes([old | 1 << bit % 8]))


# ---- NON-4 ----


@pytest.mark.clause("NON-4")
def test_non_4_a_full_window_refuses_until_rotation(dut: Dut) -> None:
    granted(_open(dut, 0))
    granted(_open(dut, 0, SECOND_AES_KEY_ID))
    set_recorded(dut, AES_KEY_ID, 999_998)
    granted(_open(dut, 1))
    granted(_open(dut, 2))
    for number in range(3, 40):
        refused(_open(dut, number), Status.NONCE_REUSE)
        refused(_forge(dut, number), Status.NONCE_REUSE)
    granted(_open(dut, 3, SECOND_AES_KEY_ID))
    next_nonce(dut)
    refused(_open(dut, 3), Status.NONCE_REUSE)
    dut.keys.rotate(AES_KEY_ID)
    for number in range(40):
        granted(_open(dut, number))


@pytest.mark.clause("NON-4")
def test_a_full_window_comes_behind_structure_and_key(dut: Dut) -> None:
    granted(_open(dut, 0))
    set_recorded(dut, AES_KEY_ID, 1_000_000)
    refused(dut.send(0x02, b"\x01\0\0\0" + bytes(29)), Status.INVALID_PAYLOAD)
    dut.keys.corrupt(AES_KEY_ID)
    refused(_open(dut, 1), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    refused(_open(dut, 1), Status.NONCE_REUSE)


@pytest.mark.slow
@pytest.mark.clause("NON-1", "NON-3", "NON-4")
def test_a_million_nonces(dut: Dut) -> None:
    """The whole window: model and firmware agree on every answer, no used nonce passes, few fresh ones are refused."""
    head, middle = bytes.fromhex("c7010200 22000000 01000000"), b"\0\0"
    seal = AESGCM(KEYS[AES_KEY_ID]).encrypt
    tracker = dut.model.keys.aes_keys
    number = false_positives = 0

    def sent(value: int, tag: bytes | None = None) -> Status:
        nonce = value.to_bytes(12, "little")
        return dut.exchange(b"".join((head, nonce, middle, tag or seal(nonce, b"", None)))).status

    recorded: list[int] = []
    while not recorded or tracker[AES_KEY_ID].nonces.recorded < 999_999:
        number += 1
        if sent(number) is Status.SUCCESS:
            recorded.append(number)
        else:
            false_positives += 1
    assert len(recorded) == 999_999
    assert false_positives < 5e-4 * number
    for value in Random(1).sample(recorded, 20_000):
        assert sent(value) is Status.NONCE_REUSE, f"nonce {value} was used and passes"
    fresh = [sent(2_000_000 + probe, bytes(16)) for probe in range(50_000)]
    assert fresh.count(Status.NONCE_REUSE) + fresh.count(Status.DECRYPTION_FAILED) == 50_000
    assert fresh.count(Status.NONCE_REUSE) < 5e-4 * 50_000
    last = next(value for value in range(3_000_000, 3_000_100) if sent(value) is Status.SUCCESS)
    for value in range(4_000_000, 4_001_000):
        assert sent(value) is Status.NONCE_REUSE
    assert sent(last) is Status.NONCE_REUSE
    bits = tracker[AES_KEY_ID].nonces.bits()
    assert (int.from_bytes(bits, "little").bit_count() / 2**24) ** 11 < 5e-4
    if "memory" in dut.target.capabilities:
        assert _filter_memory(dut, [recorded[0].to_bytes(12, "little")]) == bits
    dut.keys.rotate(AES_KEY_ID)
    for value in recorded[:100]:
        assert sent(value) is Status.SUCCESS

# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA and ML-KEM requests of any content are answered, within the operation's instruction bound (IPC-6)."""

from __future__ import annotations

from random import Random

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import granted, next_nonce, noise
from harness.conformance.support_pq import (
    CIPHERTEXT_BYTES,
    DECAPS,
    ENCAPS,
    KEYGEN,
    MLDSA_SETS,
    MLKEM_SETS,
    SIGN,
    SIGNATURE_BYTES,
    VERIFY,
    encapsulate,
    key_bytes,
    keygen,
    signed,
)
from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLDSA_PUBLIC_KEY_IDS, MLKEM_KEY_IDS, PEER_MLDSA_SEEDS
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.protocol.key_image import digest, slot_offset

_IDS = (*MLDSA_KEY_IDS.values(), *MLDSA_PUBLIC_KEY_IDS.values(), *MLKEM_KEY_IDS.values(), AES_KEY_ID)

# Instructions: fixed, and for each byte of payload.
_SIGN, _VERIFY, _KEM = (1_100_000_000, 80), (9_000_000, 80), (1_200_000, 2)


def _within(dut: Dut, bound: tuple[int, int], size: int) -> None:
    """The last exchange, of a payload of `size` bytes, took no more. Release builds alone promise that."""
    if dut.emulated.build_kind != "release":
        pytest.skip("the bounds hold for release builds")
    limit = (bound[0] + bound[1] * size) * dut.emulated.instruction_factor
    used = dut.emulated.last_instructions
    assert used <= limit, f"{used} instructions, the bound is {limit}"


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("number", MLDSA_SETS)
def test_signatures_stay_within_their_bounds(dut: Dut, number: int) -> None:
    """The first with a key, for which it has to be expanded; the longest message; a signature that does not verify."""
    size = SIGNATURE_BYTES[number]
    for message in (b"", noise(65536 - 7 - size)):
        signature = granted(dut.mldsa_sign(MLDSA_KEY_IDS[number], message))
        _within(dut, _SIGN, 5 + len(message))
        dut.keys.rotate(MLDSA_KEY_IDS[number])
        for key_id in (MLDSA_KEY_IDS[number], MLDSA_PUBLIC_KEY_IDS[number]):
            for sent in (signature, bytes(size), b"\xff" * size):
                dut.mldsa_verify(key_id, sent, message)
                _within(dut, _VERIFY, 7 + size + len(message))
    granted(dut.mldsa_sign(MLDSA_KEY_IDS[number], noise(65531)))
    _within(dut, _SIGN, 65536)


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("number", MLKEM_SETS)
def test_encapsulations_stay_within_their_bounds(dut: Dut, number: int) -> None:
    for _ in range(3):
        key = keygen(dut, number)
        _within(dut, _KEM, 4)
        ciphertext, _ = encapsulate(dut, number, key)
        _within(dut, _KEM, len(key))
        for sent in (ciphertext, bytes(len(ciphertext)), b"\xff" * len(ciphertext)):
            granted(dut.mlkem_decaps(MLKEM_KEY_IDS[number], sent))
            _within(dut, _KEM, 4 + len(sent))
        dut.mlkem_encaps(b"\xff" * len(key))
        _within(dut, _KEM, len(key))


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("seed", range(3))
def test_random_payloads_are_answered(dut: Dut, seed: int) -> None:
    random = Random(400 + seed)
    sizes = (0, 1, 2, 3, 60, 260, *CIPHERTEXT_BYTES.values(), 800, 1184, 2423, 3312, 4630, 6000)
    for _ in range(250):
        type = random.choice((VERIFY, VERIFY, KEYGEN, ENCAPS, DECAPS, DECAPS))
        payload = key_bytes(random.choice(_IDS)) + random.randbytes(random.choice(sizes))
        length = random.choice((len(payload), len(payload), random.getrandbits(random.randrange(33))))
        assert 0 <= dut.send(type, payload, payload_length=length).status <= 9
    assert next_nonce(dut)


@pytest.mark.clause("IPC-6")
@pytest.mark.parametrize("seed", range(3))
def test_damaged_requests_are_answered(dut: Dut, seed: int) -> None:
    """Sound requests with bytes changed, inserted or cut off."""
    random = Random(500 + seed)
    sound = [codec.mlkem_keygen(MLKEM_KEY_IDS[number]) for number in MLKEM_SETS]
    for number in MLKEM_SETS:
        key = keygen(dut, number)
        sound.append(codec.mlkem_encaps(key))
        sound.append(codec.mlkem_decaps(MLKEM_KEY_IDS[number], encapsulate(dut, number, key)[0]))
    for number in MLDSA_SETS:
        signature = signed(number, PEER_MLDSA_SEEDS[number], b"message", b"context")
        sound.append(codec.mldsa_verify(MLDSA_PUBLIC_KEY_IDS[number], b"context", signature, b"message"))
    sound.append(codec.mldsa_sign(MLDSA_PUBLIC_KEY_IDS[44], b"context", b"message"))
    for number in range(150):
        damaged = bytearray(sound[number % len(sound)])
        for _ in range(random.randrange(3)):
            place = random.choice((random.randrange(min(32, len(damaged))), random.randrange(len(damaged))))
            damaged[place : place + random.randrange(2)] = random.randbytes(random.randrange(3))
        damaged[4:8] = random.choice((damaged[4:8], (len(damaged) - 8).to_bytes(4, "little")))
        dut.exchange(bytes(damaged[: random.choice((len(damaged), len(damaged), random.randrange(1, 60)))]))


def _damaged_slot(random: Random, raw: bytes, index: int, intact: bool) -> bytes:
    """An image with a bit flipped in one slot, in its header as a rule; `intact` puts its digest right."""
    start = slot_offset(index)
    image = bytearray(raw)
    image[start + random.choice((*range(4, 16), random.randrange(16, 2640)))] ^= 1 << random.randrange(8)
    length = int.from_bytes(image[start + 12 : start + 16], "little")
    if intact and length <= 2592:
        end = start + 16 + length
        image[end : end + 32] = digest(bytes(image[start:end]))
    return bytes(image)


@pytest.mark.clause("IPC-6", "KEY-2")
def test_random_key_storage_is_survived(dut: Dut) -> None:
    """Slots of every kind with a bit changed, their digests put right or not: any algorithm, set, length, material."""
    random = Random(600)
    signature = signed(44, PEER_MLDSA_SEEDS[44])
    sound = dut.keys.raw
    for number in range(240):
        index, slot = random.choice([(i, slot) for i, slot in enumerate(dut.keys.image.slots) if slot is not None])
        dut.keys.write(_damaged_slot(random, sound, index, number % 3 != 0))
        dut.mlkem_keygen(slot.key_id)
        dut.mlkem_decaps(slot.key_id, bytes(768))
        dut.mldsa_verify(slot.key_id, signature)
        if number % 10 == 0:
            dut.mldsa_sign(slot.key_id)
    dut.keys.repair()
    assert dut.mldsa_verify(MLDSA_PUBLIC_KEY_IDS[44], signature).status is Status.SUCCESS
    keygen(dut, 768)


@pytest.mark.clause("IPC-6")
def test_claims_of_any_length_are_answered(dut: Dut) -> None:
    """Lengths of contexts and signatures that lie, before and behind the payload's end."""
    for key_id in (MLDSA_KEY_IDS[44], MLDSA_PUBLIC_KEY_IDS[87]):
        for context_length in (0, 1, 2, 127, 128, 254, 255):
            for rest in (0, 1, 2, 3, 127, 255, 256, 257, 258, 2422, 4629):
                for fill in (b"\0", b"\xff", b"\x74"):
                    payload = key_bytes(key_id) + bytes([context_length]) + fill * rest
                    dut.send(VERIFY, payload)
                    if key_id in MLDSA_PUBLIC_KEY_IDS.values():
                        dut.send(SIGN, payload)
    assert next_nonce(dut)

# SPDX-License-Identifier: GPL-2.0-or-later
"""MLKEM_KEYGEN (KEM-1): keys as FIPS 203 makes them of the generator's next 64 bytes, one at a time in each slot."""

from __future__ import annotations

from hashlib import sha3_512

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import RawClient, exhaust, granted, next_nonce, noise, pieces, refused, residue
from harness.conformance.support_pq import (
    CIPHERTEXT_BYTES,
    ENCAPSULATION_KEY_BYTES,
    KEYGEN,
    MLKEM_Q,
    MLKEM_SETS,
    MLKEM_SETS_OUTSIDE,
    MLKEM_SHAPES,
    decapsulate,
    draws,
    encapsulate,
    encapsulate_outside,
    key_bytes,
    key_outside,
    keygen,
    rejection_secret,
)
from harness.default_keys import AES_KEY_ID, ENTROPY, MLDSA_KEY_IDS, MLDSA_PUBLIC_KEY_IDS, MLKEM_KEY_IDS, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, mlkem_slot

_SETS = pytest.mark.parametrize("number", MLKEM_SETS)


# ---- keys ----


@pytest.mark.clause("KEM-1", "RNG-2")
@pytest.mark.parametrize("number", MLKEM_SETS_OUTSIDE)
def test_the_key_is_made_of_one_draw_d_then_z(dut: Dut, number: int) -> None:
    """pyca/cryptography makes the same key of the same 64 bytes, and opens what is encapsulated to it."""
    generator = draws()
    for _ in range(5):
        encapsulation_key = keygen(dut, number)
        outside = key_outside(number, generator.draw(64))
        assert encapsulation_key == outside.public_key().public_bytes_raw()
        ciphertext, secret = encapsulate(dut, number, encapsulation_key)
        generator.draw(32)
        assert outside.decapsulate(ciphertext) == secret == decapsulate(dut, number, ciphertext)
        # Of a manipulated ciphertext z decides: the same half of the draw has become it.
        manipulated = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
        assert outside.decapsulate(manipulated) == decapsulate(dut, number, manipulated) != secret
        assert next_nonce(dut) == generator.draw(12)


@pytest.mark.clause("KEM-1", "RNG-2")
@_SETS
def test_z_is_the_second_half_of_the_draw(dut: Dut, number: int) -> None:
    """As the secret of a ciphertext that nobody made shows, for ML-KEM-512 as well."""
    generator = draws()
    for _ in range(3):
        keygen(dut, number)
        z = generator.draw(64)[32:]
        ciphertext = noise(CIPHERTEXT_BYTES[number])
        assert decapsulate(dut, number, ciphertext) == rejection_secret(z, ciphertext)


@pytest.mark.clause("KEM-1")
@_SETS
def test_an_encapsulation_key_is_canonical_and_names_its_matrix(dut: Dut, number: int) -> None:
    """Every coefficient is below q; the last 32 bytes are rho = G(d || k), first half (FIPS 203, algorithm 13)."""
    generator = draws()
    for _ in range(4):
        key = keygen(dut, number)
        d = generator.draw(64)[:32]
        assert key[-32:] == sha3_512(d + bytes([MLKEM_SHAPES[number].k])).digest()[:32]
        bits = int.from_bytes(key[:-32], "little")
        coefficients = [bits >> 12 * index & 0xFFF for index in range(256 * MLKEM_SHAPES[number].k)]
        assert max(coefficients) < MLKEM_Q


@pytest.mark.clause("KEM-1")
@_SETS
def test_each_keygen_makes_another_key(dut: Dut, number: int) -> None:
    keys = {keygen(dut, number) for _ in range(6)}
    assert len(keys) == len({key[:384] for key in keys}) == len({key[-32:] for key in keys}) == 6


@pytest.mark.slow
@pytest.mark.clause("KEM-1", "KEM-2", "KEM-3")
@_SETS
def test_many_keys(dut: Dut, number: int) -> None:
    for seed in range(300):
        dut.boot(noise(48, seed=seed))
        ciphertext, secret = encapsulate(dut, number, keygen(dut, number))
        assert decapsulate(dut, number, ciphertext) == secret, f"seed {seed}"


# ---- what a slot remembers ----


@pytest.mark.clause("KEM-1", "VAL-1")
@_SETS
def test_before_the_first_keygen_there_is_no_key(dut: Dut, number: int) -> None:
    """KEY_NOT_FOUND, whatever the ciphertext's length: check 6 comes before check 7. A reset forgets the key."""
    size = CIPHERTEXT_BYTES[number]
    for _ in range(2):
        for length in (size, size - 1, size + 1, 0, 1):
            refused(dut.mlkem_decaps(MLKEM_KEY_IDS[number], bytes(length)), Status.KEY_NOT_FOUND)
        keygen(dut, number)
        decapsulate(dut, number, bytes(size))
        dut.boot()


@pytest.mark.clause("KEM-1")
@_SETS
def test_the_next_keygen_replaces_the_key(dut: Dut, number: int) -> None:
    """What was encapsulated to the old key is rejected implicitly, and stays so."""
    generator = draws()
    old = encapsulate(dut, number, keygen(dut, number))
    generator.draw(64)
    generator.draw(32)
    assert decapsulate(dut, number, old[0]) == old[1]
    new_key = keygen(dut, number)
    z = generator.draw(64)[32:]
    assert decapsulate(dut, number, old[0]) == rejection_secret(z, old[0]) != old[1]
    new = encapsulate(dut, number, new_key)
    assert decapsulate(dut, number, new[0]) == new[1]
    assert decapsulate(dut, number, old[0]) == rejection_secret(z, old[0])


@pytest.mark.clause("KEM-1")
def test_every_slot_has_a_key_of_its_own(dut: Dut) -> None:
    """All sixteen, in any order; each KEYGEN leaves the other slots' keys alone."""
    slots = tuple(mlkem_slot(0x100 + index, MLKEM_SETS[index % 3]) for index in range(16))
    dut.keys.replace(KeyImage(slots))
    messages = {}
    for slot in (*slots[::-1], *slots[:5]):
        key = keygen(dut, slot.parameter_set, slot.key_id)
        messages[slot.key_id] = encapsulate(dut, slot.parameter_set, key)
    for slot in (*slots[8:], *slots[:8], *slots[::-5]):
        ciphertext, secret = messages[slot.key_id]
        assert decapsulate(dut, slot.parameter_set, ciphertext, slot.key_id) == secret
        others = [other for other in slots if other.parameter_set == slot.parameter_set and other is not slot]
        assert decapsulate(dut, slot.parameter_set, ciphertext, others[slot.key_id % len(others)].key_id) != secret


@pytest.mark.clause("KEM-1")
def test_the_decapsulation_key_is_not_in_the_answer(dut: Dut) -> None:
    """The whole of the response area: the encapsulation key, and zeros; a longer response before it leaves nothing."""
    client = RawClient(dut)
    generator = draws()
    for number in MLKEM_SETS[::-1]:
        granted(dut.aes_encrypt(AES_KEY_ID, bytes(5000)))
        generator.draw(12)
        key = keygen(dut, number)
        area = client.response
        assert area[:8] == b"\xc8\x01\0\0" + len(key).to_bytes(4, "little")
        assert area[8 : 8 + len(key)] == key
        assert not any(area[8 + len(key) :])
        assert not [piece for piece in pieces(generator.draw(64), 1) if piece in area]


# ---- payload, keys ----


@pytest.mark.clause("KEM-1", "VAL-1")
def test_the_payload_is_exactly_a_key_id(dut: Dut) -> None:
    """Any other length is INVALID_PAYLOAD, whatever the key; the slot does not get a key by it."""
    for key_id in (MLKEM_KEY_IDS[512], UNKNOWN_KEY_ID, 0, AES_KEY_ID):
        sound = key_bytes(key_id)
        for payload in (*(sound[:cut] for cut in range(4)), sound + bytes(1), sound + bytes(4)):
            refused(dut.send(KEYGEN, payload), Status.INVALID_PAYLOAD)
        refused(dut.send(KEYGEN, key_bytes(key_id), payload_length=65536), Status.INVALID_PAYLOAD)
        refused(dut.send(KEYGEN, key_bytes(key_id), payload_length=65537), Status.PAYLOAD_TOO_LARGE)
    refused(dut.mlkem_decaps(MLKEM_KEY_IDS[512], bytes(768)), Status.KEY_NOT_FOUND)
    keygen(dut, 512)


@pytest.mark.clause("KEM-1", "VAL-1")
def test_keys_that_are_none_of_mlkem(dut: Dut) -> None:
    ids = (UNKNOWN_KEY_ID, 0, AES_KEY_ID, MLDSA_KEY_IDS[44], MLDSA_PUBLIC_KEY_IDS[87], MLKEM_KEY_IDS[512] << 16)
    for key_id in ids:
        refused(dut.mlkem_keygen(key_id), Status.KEY_NOT_FOUND)
        for size in (767, 768, 1088, 1568):
            refused(dut.mlkem_decaps(key_id, bytes(size)), Status.KEY_NOT_FOUND)
    for key_id in MLKEM_KEY_IDS.values():
        dut.keys.corrupt(key_id)
        refused(dut.mlkem_keygen(key_id), Status.KEY_NOT_FOUND)
        refused(dut.mlkem_decaps(key_id, bytes(768)), Status.KEY_NOT_FOUND)
        dut.keys.repair()


# ---- draws, error state ----


@pytest.mark.clause("RNG-2", "VAL-1")
def test_a_keygen_that_is_refused_draws_nothing(dut: Dut) -> None:
    """The key behind refusals of every kind is made of the generator's first 64 bytes, and the old key stays."""
    generator = draws()
    ciphertext, secret = encapsulate(dut, 1024, keygen(dut, 1024))
    generator.draw(64)
    generator.draw(32)
    sound = codec.mlkem_keygen(MLKEM_KEY_IDS[1024])
    for key_id in (UNKNOWN_KEY_ID, 0, AES_KEY_ID, MLDSA_KEY_IDS[44]):
        refused(dut.mlkem_keygen(key_id), Status.KEY_NOT_FOUND)
    dut.keys.corrupt(MLKEM_KEY_IDS[1024])
    refused(dut.exchange(sound), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    refused(dut.send(KEYGEN, sound[8:] + b"\0"), Status.INVALID_PAYLOAD)
    refused(dut.send(KEYGEN, sound[8:11]), Status.INVALID_PAYLOAD)
    refused(dut.send(KEYGEN, sound[8:], version=0), Status.INVALID_HEADER)
    refused(dut.send(KEYGEN, sound[8:], payload_length=65537), Status.PAYLOAD_TOO_LARGE)
    exhaust(dut)
    refused(dut.exchange(sound), Status.RATE_LIMITED)
    dut.clock.advance(300_000)
    assert decapsulate(dut, 1024, ciphertext) == secret
    assert keygen(dut, 1024) == key_outside(1024, generator.draw(64)).public_key().public_bytes_raw()


@pytest.mark.clause("RNG-3", "VAL-1")
def test_without_entropy_no_key_is_made(dut: Dut) -> None:
    dut.boot(bytes(48))
    for key_id in (*MLKEM_KEY_IDS.values(), UNKNOWN_KEY_ID, 0, AES_KEY_ID):
        refused(dut.mlkem_keygen(key_id), Status.CRYPTO_ERROR)
        refused(dut.send(KEYGEN, key_bytes(key_id) + b"\0"), Status.INVALID_PAYLOAD)
        refused(dut.send(KEYGEN, key_bytes(key_id)[:3]), Status.INVALID_PAYLOAD)
    dut.boot(ENTROPY)
    refused(dut.mlkem_decaps(MLKEM_KEY_IDS[512], bytes(768)), Status.KEY_NOT_FOUND)
    for number in MLKEM_SETS:
        keygen(dut, number)


@pytest.mark.clause("KEM-1")
@pytest.mark.parametrize("number", MLKEM_SETS_OUTSIDE)
def test_a_key_from_any_entropy_works_with_ciphertexts_from_elsewhere(dut: Dut, number: int) -> None:
    for entropy in (noise(48), b"\xff" * 48, bytes(47) + b"\x01"):
        dut.boot(entropy)
        key = keygen(dut, number)
        assert len(key) == ENCAPSULATION_KEY_BYTES[number]
        assert key == key_outside(number, draws(entropy).draw(64)).public_key().public_bytes_raw()
        ciphertext, secret = encapsulate_outside(number, key)
        assert decapsulate(dut, number, ciphertext) == secret


# ---- what stays behind ----


@pytest.mark.clause("KEM-1", "IPC-5")
@_SETS
def test_the_noise_seed_does_not_stay_in_memory(dut: Dut, number: int) -> None:
    """Sigma = G(d || k), second half, of which secret and error are made: no cache has a use for it. Nor for d, once
    the next key is there."""
    generator = draws()
    old = b""
    for _ in range(3):
        keygen(dut, number)
        seed = generator.draw(64)
        sigma = sha3_512(seed[:32] + bytes([MLKEM_SHAPES[number].k])).digest()[32:]
        assert residue(dut, pieces(sigma, 1)) == [], "sigma"
        assert residue(dut, pieces(old, 1)) == [], "d or z of the key before"
        old = seed

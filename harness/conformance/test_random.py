# SPDX-License-Identifier: GPL-2.0-or-later
"""Random numbers (RNG-1 to RNG-3): the generator as the standard describes it, its seed, and the lack of one."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import (
    REFUSALS,
    UNKNOWN_TYPE,
    Generator,
    exhaust,
    granted,
    next_nonce,
    noise,
    nonce_number,
    pieces,
    refused,
    residue,
    seal_outside,
)
from harness.conformance.support_pq import FAILED, NO_KEY, UNSOUND, WRONG_SIZE
from harness.default_keys import AES_KEY_ID, ENTROPY, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.commands import Status

# NIST CAVP, drbgvectors_no_reseed, CTR_DRBG.rsp: AES-256 without derivation function, no personalisation string, no
# additional input, first case. 64 bytes are drawn twice; the second draw is what is published.
_CAVP_ENTROPY = bytes.fromhex(
    "df5d73faa468649edda33b5cca79b0b05600419ccb7a879ddfec9db32ee494e5531b51de16a30f769262474c73bec010"
)
_CAVP_RETURNED = bytes.fromhex(
    "d1c07cd95af8a7f11012c84ce48bb8cb87189e99d40fccb1771c619bdf82ab22"
    "80b1dc2f2581f39164f7ac0c510494b3a43c41b7db17514c87b107ae793e01c5"
)


def _nonces(entropy: bytes, count: int) -> list[bytes]:
    """The nonces that a service booted with this entropy draws: behind the 16 bytes of boot, 12 each."""
    generator = Generator(entropy)
    generator.draw(16)
    return [generator.draw(12) for _ in range(count)]


@pytest.mark.clause("RNG-1")
def test_the_second_opinion_agrees_with_the_published_vector(dut: Dut) -> None:
    """Then the service, seeded with the vector's entropy, draws from the published generator."""
    generator = Generator(_CAVP_ENTROPY)
    generator.draw(64)
    assert generator.draw(64) == _CAVP_RETURNED
    dut.boot(_CAVP_ENTROPY)
    for nonce in _nonces(_CAVP_ENTROPY, 50):
        assert next_nonce(dut) == nonce


@pytest.mark.clause("RNG-1", "RNG-2")
def test_nonces_are_drawn_one_generate_call_each(dut: Dut) -> None:
    """A thousand in a row, unique, whatever the key, the length and the aad."""
    nonces = _nonces(ENTROPY, 1000)
    assert len(set(nonces)) == 1000
    for number, nonce in enumerate(nonces):
        key_id = (AES_KEY_ID, SECOND_AES_KEY_ID)[number % 3 == 0]
        assert dut.seal(key_id, bytes(number % 50), bytes(number % 7))[0] == nonce, f"nonce {number}"


@pytest.mark.clause("RNG-1")
def test_every_byte_of_the_entropy_counts(dut: Dut) -> None:
    """One bit changed in each byte in turn: each service draws its own nonces, those of its entropy."""
    seen = set()
    for position in range(48):
        entropy = bytearray(ENTROPY)
        entropy[position] ^= 1 << position % 8
        dut.boot(bytes(entropy))
        drawn = [next_nonce(dut) for _ in range(3)]
        assert drawn == _nonces(bytes(entropy), 3), f"entropy byte {position}"
        seen.update(drawn)
    assert len(seen) == 3 * 48


@pytest.mark.clause("RNG-1")
def test_a_boot_starts_the_generator_afresh(dut: Dut) -> None:
    first = [next_nonce(dut) for _ in range(5)]
    dut.boot()
    assert [next_nonce(dut) for _ in range(5)] == first
    dut.boot(noise(48))
    assert not set(first) & {next_nonce(dut) for _ in range(5)}


@pytest.mark.clause("RNG-1")
def test_the_entropy_page_is_wiped_once_read(dut: Dut) -> None:
    """Nor is the seed anywhere else in memory: what was made of it is the generator's state."""
    page = dut.emulated.board.entropy_page
    for entropy in (noise(48, seed=20), b"\xff" * 48, bytes(47) + b"\x01", b"\x01" + bytes(47)):
        dut.boot(entropy)
        assert dut.machine.read(page.base, 48) == bytes(48)
        needles = [piece for piece in pieces(entropy, 1) if len(set(piece)) > 2]
        assert residue(dut, needles) == []


@pytest.mark.clause("RNG-1")
@pytest.mark.parametrize("bits", [8, 16, 24, 32, 64, 96, 120, 128])
def test_the_counter_carries_through_all_of_its_128_bits(dut: Dut, bits: int) -> None:
    """V is set by hand to where its low `bits` are all ones, or about to be, so that it wraps within one draw."""
    for v in (2**bits - 1, 2**bits - 2, 2**bits - 3):
        state = dut.model.snapshot()
        dut.model.restore(replace(state, generator=replace(state.generator, v=v)))
        for place, byte in enumerate(v.to_bytes(16, "big")):
            dut.emulated.poke(f"generator.v[{place}]", byte)
        generator = Generator(bytes(48))
        generator.set(state.generator.key, v)
        for _ in range(3):
            assert next_nonce(dut) == generator.draw(12), f"V = {v:#x}"


@pytest.mark.clause("RNG-1")
def test_a_seed_serves_2_to_the_48_draws_and_no_more(dut: Dut) -> None:
    """SP 800-90A, table 3. There is no reseeding: every encryption from then on is a CRYPTO_ERROR."""
    nonces = _nonces(ENTROPY, 2)
    assert dut.emulated.peek("generator.reseed_counter") == 2, "1 at instantiation, and the draw at boot"
    assert next_nonce(dut) == nonces[0]
    dut.emulated.poke("generator.reseed_counter", 2**48)
    assert next_nonce(dut) == nonces[1], "the last draw"
    for _ in range(3):
        # The model knows no answer to this one: it is asked of the target alone.
        refused(dut.target.exchange(codec.aes_encrypt(AES_KEY_ID, b"", b"too many")), Status.CRYPTO_ERROR)
    sealed = seal_outside(AES_KEY_ID, nonce_number(1))
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(1), *sealed)) == b"", "decryption draws nothing"


@pytest.mark.clause("RNG-2")
def test_nothing_but_encryption_draws(dut: Dut) -> None:
    """Decryptions, good and bad, refusals and rotations between them leave the sequence as it is."""
    for number, nonce in enumerate(islice(_nonces(ENTROPY, 60), 60)):
        text = noise(number)
        ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(number), text)
        assert granted(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag)) == text
        refused(dut.aes_decrypt(AES_KEY_ID, nonce_number(number), ciphertext, tag), Status.NONCE_REUSE)
        refused(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, bytes(16)), Status.DECRYPTION_FAILED)
        refused(dut.aes_encrypt(UNKNOWN_KEY_ID, text), Status.KEY_NOT_FOUND)
        refused(dut.aes_encrypt(AES_KEY_ID, bytes(65509)), Status.PAYLOAD_TOO_LARGE)
        refused(dut.send(0x01, b"\x01\0\0\0\x01\0"), Status.INVALID_PAYLOAD)
        dut.keys.rotate(SECOND_AES_KEY_ID)
        assert dut.seal(AES_KEY_ID, text)[0] == nonce, f"nonce {number}"


# ---- RNG-3: no entropy ----


@pytest.mark.clause("RNG-3")
def test_without_entropy_sound_requests_are_crypto_errors(dut: Dut) -> None:
    """What passes checks 1 to 5 fails; check 6 and those behind it are not reached."""
    dut.boot(bytes(48))
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(1), b"text")
    for _ in range(20):
        for key_id in (AES_KEY_ID, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID, 0):
            refused(dut.aes_encrypt(key_id, b"text", b"aad"), Status.CRYPTO_ERROR)
            for final in (tag, bytes(16)):
                refused(dut.aes_decrypt(key_id, nonce_number(1), ciphertext, final), Status.CRYPTO_ERROR)
    refused(dut.aes_encrypt(AES_KEY_ID, bytes(65508)), Status.CRYPTO_ERROR)


@pytest.mark.clause("RNG-3", "VAL-1")
def test_without_entropy_checks_1_to_5_stay_as_they_are(dut: Dut) -> None:
    dut.boot(bytes(48))
    for status in (Status.INVALID_HEADER, Status.INVALID_TYPE, Status.INVALID_PAYLOAD, Status.PAYLOAD_TOO_LARGE):
        refused(REFUSALS[status](dut), status)
    for type in (0x00, 0x12, 0x23, UNKNOWN_TYPE):
        refused(dut.send(type, bytes(60)), Status.INVALID_TYPE)
    for name, (type, payload) in UNSOUND.items():
        assert dut.send(type, payload).status is Status.INVALID_PAYLOAD, name
    for name, (type, payload) in (NO_KEY | WRONG_SIZE | FAILED).items():
        assert dut.send(type, payload).status is Status.CRYPTO_ERROR, name
    refused(dut.aes_encrypt(AES_KEY_ID, bytes(65509)), Status.PAYLOAD_TOO_LARGE)
    refused(dut.send(0x01, b"\x01\0\0\0\x01\0"), Status.INVALID_PAYLOAD)
    refused(dut.send(0x02, bytes(33)), Status.INVALID_PAYLOAD)
    refused(dut.send(0x02, b"\x01\0\0\0" + bytes(12) + b"\x01\0" + bytes(16)), Status.INVALID_PAYLOAD)
    exhaust(dut)
    refused(dut.aes_encrypt(AES_KEY_ID), Status.RATE_LIMITED)


@pytest.mark.clause("RNG-3")
def test_the_error_state_lasts_until_reset(dut: Dut) -> None:
    """Rotation, repair, time and good luck do not end it; entropy at the next boot does."""
    dut.boot(bytes(48))
    refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)
    dut.keys.rotate(AES_KEY_ID, noise(32))
    refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)
    dut.clock.advance(3_600_000_000)
    for _ in range(150):
        refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)
    dut.boot(bytes(48))
    refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)
    dut.boot(ENTROPY)
    assert next_nonce(dut) == _nonces(ENTROPY, 1)[0]


@pytest.mark.clause("RNG-3")
def test_a_single_byte_of_entropy_is_entropy(dut: Dut) -> None:
    """At each position, with a single bit set: only 48 zero bytes mean that there is none."""
    for position in range(48):
        for bit in (0, 7):
            entropy = bytearray(48)
            entropy[position] = 1 << bit
            dut.boot(bytes(entropy))
            assert next_nonce(dut) == _nonces(bytes(entropy), 1)[0], f"byte {position}, bit {bit}"
    dut.boot(bytes(48))
    refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)

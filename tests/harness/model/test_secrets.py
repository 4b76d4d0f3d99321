# SPDX-License-Identifier: GPL-2.0-or-later
"""What the model names as secret is what the standards derive."""

from __future__ import annotations

from hashlib import sha3_512

import pytest

from harness.model import Model, mldsa, mlkem
from harness.model.secrets import Secret, expand_aes256
from harness.protocol import codec, key_image
from harness.protocol.codec import RawRequest
from harness.protocol.commands import Algorithm, Status
from harness.protocol.key_image import KeyImage, KeySlot

ENTROPY = bytes(range(1, 49))
AES_KEY = bytes(range(0x40, 0x60))
SEED = bytes(range(0x60, 0x80))


def booted() -> Model:
    slots = (
        key_image.aes_slot(1, AES_KEY),
        KeySlot(2, Algorithm.MLDSA, 44, 1, SEED),
        KeySlot(3, Algorithm.MLKEM, 512, 1, b""),
    )
    model = Model(ENTROPY, KeyImage(slots).build())
    model.watch_secrets()
    return model


def in_play(model: Model) -> dict[str, Secret]:
    assert model.in_play is not None
    return {secret.name: secret for secret in model.in_play.secrets}


def test_the_key_schedule_is_that_of_fips_197() -> None:
    """Appendix A.3: the first and the last words that are not the key itself."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    expanded = expand_aes256(key)
    assert len(expanded) == 240
    assert expanded[32:40].hex() == "9ba354118e6925af"
    assert expanded[-16:].hex() == "fe4890d1e6188d0b046df344706c631e"


def test_without_being_asked_nothing_is_noted() -> None:
    model = Model(ENTROPY, b"")
    model.exchange(codec.aes_encrypt(1, b"", b"text"), 0)
    assert model.in_play is None


def test_a_boot_brings_entropy_generator_and_hash_key() -> None:
    names = in_play(booted())
    assert names["entropy"].value == ENTROPY
    assert names["generator key"].places == ("generator",)
    assert names["earlier generator key"].places == ()
    assert names["nonce hash key"].places == ("hash key",)


def test_encryption_brings_key_plaintext_and_draw() -> None:
    model = booted()
    before = in_play(model)["generator key"].value
    nonce = model.exchange(codec.aes_encrypt(1, b"", b"sixteen bytes it"), 0).payload[:12]
    names = in_play(model)
    assert names["AES key"].value == names["key material"].value == AES_KEY
    assert names["plaintext"].value == b"sixteen bytes it"
    assert names["drawn nonce"].value == nonce
    assert names["earlier generator key"].value == before != names["generator key"].value
    assert expand_aes256(AES_KEY)[32:] in {s.value for s in model.in_play.secrets}  # type: ignore[union-attr]


def test_a_forgery_brings_the_plaintext_that_it_would_have_had() -> None:
    model = booted()
    sealed = model.exchange(codec.aes_encrypt(1, b"", b"sixteen bytes it"), 0).payload
    forged = codec.aes_decrypt(1, sealed[:12], b"", sealed[12:-16], bytes(16))
    assert model.exchange(forged, 1000).status is Status.DECRYPTION_FAILED
    assert in_play(model)["plaintext"].value == b"sixteen bytes it"


def test_the_next_request_forgets_them() -> None:
    model = booted()
    model.exchange(codec.aes_encrypt(1, b"", b"text"), 0)
    model.exchange(RawRequest(0x7F).encode(), 1000)
    assert "AES key" not in in_play(model)


def test_a_slot_that_is_not_intact_is_in_play_too() -> None:
    model = booted()
    model.key_image = key_image.corrupt(model.key_image, 0, "digest")
    assert model.exchange(codec.aes_encrypt(1, b"", b""), 0).status is Status.KEY_NOT_FOUND
    assert in_play(model)["key material"].value == AES_KEY


def test_signing_brings_seeds_polynomials_and_masks() -> None:
    model = booted()
    assert model.exchange(codec.mldsa_sign(2, b"", b"message"), 0).status is Status.SUCCESS
    names = in_play(model)
    assert names["ML-DSA seed"].value == SEED
    assert len(names["ML-DSA rho'"].value) == 64
    assert len(names["ML-DSA K"].value) == 32
    assert len(names["ML-DSA s1, s2, t0"].value) == 2560 - 128
    assert len(names["ML-DSA mask seed (rho'')"].value) == 64
    assert len(names["ML-DSA rnd"].value) == mldsa.RND_SIZE


def test_the_secrets_of_a_key_exchange_are_those_of_fips_203() -> None:
    model = booted()
    encapsulation_key = model.exchange(codec.mlkem_keygen(3), 0).payload
    names = in_play(model)
    assert names["ML-KEM decapsulation key"].places == ("key cache",)
    d = names["ML-KEM d"].value
    assert names["ML-KEM sigma"].value == sha3_512(d + b"\2").digest()[32:]
    sent = model.exchange(codec.mlkem_encaps(encapsulation_key), 1000).payload
    m, secret = in_play(model)["ML-KEM m"].value, in_play(model)["shared secret (K)"].value
    assert sent[-32:] == secret
    assert mlkem.encapsulate(encapsulation_key, m) == (sent[:-32], secret)
    model.exchange(codec.mlkem_decaps(3, sent[:-32]), 2000)
    names = in_play(model)
    assert names["ML-KEM m'"].value == m
    assert names["shared secret (K')"].value == names["shared secret"].value == secret


@pytest.mark.parametrize("entropy", [ENTROPY, bytes(48)])
def test_a_reset_goes_on_noting(entropy: bytes) -> None:
    model = booted()
    model.reset(entropy)
    assert in_play(model)["entropy"].value == entropy

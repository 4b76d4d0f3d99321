# SPDX-License-Identifier: GPL-2.0-or-later
"""The key images do to the keys what their names say, as the model sees it."""

from __future__ import annotations

import pytest

from harness.default_keys import AES_KEY_ID, ENTROPY, MLDSA_KEY_IDS, MLKEM_KEY_IDS, SECOND_AES_KEY_ID, default_keys
from harness.fuzz.executor import Executor
from harness.fuzz.key_images import key_images, named_images
from harness.model import Model
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.commands import Status

SEALED = codec.aes_encrypt(AES_KEY_ID, b"", b"text")


def opening(sealed: bytes) -> bytes:
    return codec.aes_decrypt(AES_KEY_ID, sealed[:12], b"", sealed[12:-16], sealed[-16:])


def model_with(name: str) -> Model:
    """Booted with the first image, and then given another one."""
    model = Model(ENTROPY, key_images()[0])
    model.key_image = named_images()[name]
    return model


def ask(model: Model, request: bytes) -> Response:
    return model.exchange(request, 0)


def test_each_has_the_size_of_the_storage_and_is_another_one() -> None:
    assert {len(image) for image in key_images()} == {table.KEY_STORAGE_SIZE}
    assert len(set(key_images())) == len(named_images())
    assert key_images() == tuple(named_images().values())


def test_the_executor_starts_with_the_first(executor: Executor) -> None:
    assert key_images()[0] == default_keys().build().ljust(table.KEY_STORAGE_SIZE, b"\0")
    storage = executor.target.board.key_storage
    executor.run(b"")
    assert executor.target.machine.read(storage.base, table.KEY_STORAGE_SIZE) == key_images()[0]


@pytest.mark.parametrize(
    ("name", "reopened"),
    [
        ("initial", Status.NONCE_REUSE),
        ("rotated", Status.SUCCESS),  # same key, and its nonces are forgotten
        ("renewed", Status.DECRYPTION_FAILED),
        ("other material", Status.NONCE_REUSE),  # the generation is the same
        ("damaged slot", Status.KEY_NOT_FOUND),
        ("unparsable", Status.KEY_NOT_FOUND),
        ("no keys", Status.KEY_NOT_FOUND),
        ("zeros", Status.KEY_NOT_FOUND),
    ],
)
def test_what_becomes_of_a_sealed_text(name: str, reopened: Status) -> None:
    model = model_with("initial")
    request = opening(ask(model, SEALED).payload)
    assert ask(model, request).status is Status.SUCCESS
    model.key_image = named_images()[name]
    assert ask(model, request).status is reopened


def test_a_damaged_slot_leaves_the_others() -> None:
    model = model_with("damaged slot")
    assert ask(model, SEALED).status is Status.KEY_NOT_FOUND
    assert ask(model, codec.aes_encrypt(SECOND_AES_KEY_ID, b"", b"")).status is Status.SUCCESS


@pytest.mark.parametrize("name", ["initial", "rotated", "other material", "renewed"])
def test_sound_images_hold_every_key(name: str) -> None:
    model = model_with(name)
    for key_id in (AES_KEY_ID, SECOND_AES_KEY_ID):
        assert ask(model, codec.aes_encrypt(key_id, b"", b"")).status is Status.SUCCESS
    for key_id in MLDSA_KEY_IDS.values():
        assert ask(model, codec.mldsa_sign(key_id, b"", b"")).status is Status.SUCCESS
    for key_id in MLKEM_KEY_IDS.values():
        assert ask(model, codec.mlkem_keygen(key_id)).status is Status.SUCCESS


@pytest.mark.parametrize(("name", "signs_the_same"), [("renewed", True), ("rotated", True), ("other material", False)])
def test_seeds_of_signatures(name: str, signs_the_same: bool) -> None:
    request = codec.mldsa_sign(MLDSA_KEY_IDS[44], b"", b"message")
    same = ask(model_with("initial"), request) == ask(model_with(name), request)
    assert same is signs_the_same

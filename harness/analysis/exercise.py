# SPDX-License-Identifier: GPL-2.0-or-later
"""A round through every operation and its refusals, with each parameter set: what the watch is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import shake_128

from harness.analysis.error import AnalysisError
from harness.analysis.finding import Finding
from harness.analysis.residue import KEPT
from harness.analysis.watch import Watch
from harness.model import Model
from harness.model.secrets import Place
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import RawRequest, Response
from harness.protocol.commands import Algorithm
from harness.protocol.key_image import KeyImage, KeySlot
from harness.targets.base import TargetStopped
from harness.targets.emulated import EmulatedTarget

AES_ID = 1
MLDSA_IDS = {44: 11, 65: 12, 87: 13}
MLKEM_IDS = {512: 21, 768: 22, 1024: 23}
PUBLIC_ID = 31  # ML-DSA-44, the public key alone
ABSENT_ID = 99

ENTROPY = shake_128(b"entropy").digest(table.ENTROPY_SIZE)

# Sends a request and returns the answer; raises when there is none.
Ask = Callable[[bytes], Response]

_TEXT_SIZES = (0, 1, 17, 100, 5000)


def noise(label: str, size: int) -> bytes:
    """Bytes without structure, the same for the same label."""
    return shake_128(label.encode()).digest(size)


def keys() -> KeyImage:
    """One AES key, a key of each other parameter set, and a public key."""
    return KeyImage(
        (
            key_image.aes_slot(AES_ID, noise("aes", 32)),
            *(KeySlot(i, Algorithm.MLDSA, number, 1, noise(f"mldsa {number}", 32)) for number, i in MLDSA_IDS.items()),
            *(KeySlot(i, Algorithm.MLKEM, number, 1, b"") for number, i in MLKEM_IDS.items()),
            KeySlot(PUBLIC_ID, Algorithm.MLDSA, 44, 1, noise("public", table.MATERIAL_LENGTHS[Algorithm.MLDSA, 44][1])),
        )
    )


def _aes(ask: Ask, size: int) -> None:
    text, aad = noise(f"text {size}", size), noise("aad", size % 50)
    sealed = ask(codec.aes_encrypt(AES_ID, aad, text)).payload
    nonce, ciphertext, tag = sealed[:12], sealed[12:-16], sealed[-16:]
    ask(codec.aes_decrypt(AES_ID, nonce, aad, ciphertext, bytes(16)))
    ask(codec.aes_decrypt(AES_ID, nonce, aad, ciphertext, tag))
    ask(codec.aes_decrypt(AES_ID, nonce, aad, ciphertext, tag))  # NONCE_REUSE
    for key_id in (ABSENT_ID, MLDSA_IDS[44]):
        ask(codec.aes_encrypt(key_id, aad, text))
        ask(codec.aes_decrypt(key_id, nonce, aad, ciphertext, tag))


def _mldsa(ask: Ask, parameter_set: int) -> None:
    key_id, message = MLDSA_IDS[parameter_set], noise("message", 200)
    for context in (b"", b"context"):
        signature = ask(codec.mldsa_sign(key_id, context, message)).payload
        ask(codec.mldsa_verify(key_id, context, signature, message))
        ask(codec.mldsa_verify(key_id, context, signature, message + b"?"))
        ask(codec.mldsa_verify(key_id, context, signature[:-1], message))
    ask(codec.mldsa_sign(AES_ID, b"", message))
    ask(codec.mldsa_sign(PUBLIC_ID, b"", message))
    ask(codec.mldsa_verify(PUBLIC_ID, b"", noise("signature", 2420), message))


def _mlkem(ask: Ask, parameter_set: int) -> None:
    key_id = MLKEM_IDS[parameter_set]
    ask(codec.mlkem_decaps(key_id, bytes(768)))  # before the first key generation
    for _ in range(2):
        encapsulation_key = ask(codec.mlkem_keygen(key_id)).payload
        ciphertext = ask(codec.mlkem_encaps(encapsulation_key)).payload[: -table.MLKEM_SECRET_SIZE]
        ask(codec.mlkem_decaps(key_id, ciphertext))
        ask(codec.mlkem_decaps(key_id, bytes([ciphertext[0] ^ 1]) + ciphertext[1:]))
        ask(codec.mlkem_decaps(key_id, ciphertext[:-1]))
        ask(codec.mlkem_encaps(b"\xff" * len(encapsulation_key)))
    ask(codec.mlkem_keygen(AES_ID))


def _malformed(ask: Ask) -> None:
    body = noise("malformed", 300)
    for code in (*table.BY_CODE, 0x7F):
        ask(codec.encode_request(code))
        ask(codec.encode_request(code, body))
        ask(RawRequest(code, body, payload_length=table.MAX_PAYLOAD + 1).encode())
        ask(RawRequest(code, body, magic=0).encode())


ROUNDS: Mapping[str, Callable[[Ask], None]] = {
    **{f"AES-256 {size} B": partial(_aes, size=size) for size in _TEXT_SIZES},
    **{f"ML-DSA-{number}": partial(_mldsa, parameter_set=number) for number in MLDSA_IDS},
    **{f"ML-KEM-{number}": partial(_mlkem, parameter_set=number) for number in MLKEM_IDS},
    "malformed": _malformed,
}


class Player:
    """Plays the rounds on a target and holds each answer against the model; `answered` counts requests."""

    def __init__(self, target: EmulatedTarget) -> None:
        self.answered = 0
        self._target = target
        self._now = 0

    def play(self, booted: Callable[[Model], None] = lambda _model: None) -> Iterator[int]:
        """Every round, each from a boot, of whose model `booted` is told; how many are done, as each ends.

        Raises AnalysisError for an answer that the model does not predict, and TargetStopped.
        """
        image = keys().build()
        for done, play_round in enumerate(ROUNDS.values()):
            model = Model(ENTROPY, image)
            self._now = 0
            self._target.set_clock(self._now)
            self._target.boot(ENTROPY, image)
            booted(model)
            play_round(partial(self._ask, model))
            yield done + 1

    def _ask(self, model: Model, request: bytes) -> Response:
        self._now += table.RATE_INTERVAL_US
        self._target.set_clock(self._now)
        expected = model.exchange(request, self._now)
        if self._target.exchange(request) != expected:
            number = self.answered + 1
            raise AnalysisError(f"request {number} is not answered as the contract has it; run `hil conform` first")
        self.answered += 1
        return expected


def exercise(
    target: EmulatedTarget,
    kept: Mapping[Place, tuple[str, ...]] = KEPT,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, tuple[Finding, ...]]:
    """All rounds on a watched target: how many requests, and what was found.

    Raises AnalysisError when the target does not answer as the model predicts.
    """
    player, watch = Player(target), Watch(target, kept)

    def booted(model: Model) -> None:
        watch.in_play = model.watch_secrets()
        watch.judge_boot()

    try:
        for done in player.play(booted):
            if progress is not None:
                progress(done, len(ROUNDS))
    except TargetStopped as stopped:
        raise AnalysisError(f"{stopped.description.splitlines()[0]}; run `hil conform` first") from None
    finally:
        watch.close()
    return player.answered, tuple(watch.findings)

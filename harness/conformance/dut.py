# SPDX-License-Identifier: GPL-2.0-or-later
"""The device under test, as test code sees it: every exchange goes to the target and to the model, and is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import pytest

from emulator.machine import Machine
from harness.analysis.watch import Watch
from harness.compare import Match, Stopped, compare
from harness.default_keys import ENTROPY, default_keys
from harness.model import Model
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import CodecError, RawRequest, Response
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot
from harness.tape import Tape, TapedExchange
from harness.targets.base import MEMORY, Target, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.window import Window

# One token's time: a request every millisecond never meets the rate limiter.
PACE_US = table.RATE_INTERVAL_US

_REFUSED_BY_HEADER = (Status.RATE_LIMITED, Status.INVALID_HEADER, Status.INVALID_TYPE)


class ContractViolation(AssertionError):
    """The target did what the contract does not allow."""


class Clock:
    """The kernel clock, in microseconds. `pace` is what it advances before each exchange; 0 leaves it to the test."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.now = 0
        self.pace = PACE_US
        target.set_clock(0)

    def set(self, microseconds: int) -> None:
        """Step to an absolute reading, forward or back."""
        self._target.set_clock(microseconds)
        self.now = microseconds

    def advance(self, microseconds: int) -> None:
        """Step forward."""
        self.set(self.now + microseconds)

    def tick(self) -> None:
        """Advance by `pace`."""
        if self.pace:
            self.now += self.pace
            self._target.set_clock(self.now)


class Keys:
    """The key manager: what it writes goes into the target's and the model's key storage alike."""

    def __init__(self, target: Target, image: KeyImage) -> None:
        self._target = target
        self._model: Model | None = None
        self.image = image
        self.raw = image.build()

    def bind(self, model: Model) -> None:
        """Keep this model's storage in step from now on."""
        self._model = model

    def write(self, raw: bytes) -> None:
        """Write raw bytes, sound or not."""
        self.raw = raw
        self._target.write_key_image(raw)
        if self._model is not None:
            self._model.key_image = raw

    def replace(self, image: KeyImage) -> None:
        """Write a sound image."""
        self.image = image
        self.write(image.build())

    def rotate(self, key_id: int, material: bytes | None = None) -> KeySlot:
        """Give a key the next generation, and new material where given; returns the new slot."""
        old = self.image.slot(key_id)
        new = old.rotated(material if material is not None else old.material)
        self.replace(self.image.replaced(new))
        return new

    def corrupt(self, key_id: int, part: key_image.SlotPart = "digest") -> None:
        """Flip one bit in a part of the key's slot."""
        index = next(i for i, slot in enumerate(self.image.slots) if slot is not None and slot.key_id == key_id)
        self.write(key_image.corrupt(self.raw, index, part))

    def repair(self) -> None:
        """Write the sound image again."""
        self.write(self.image.build())


@dataclass(slots=True)
class Totals:
    """What a whole run did."""

    exchanges: int = 0
    instructions: int = 0


class Dut:
    """A booted target with the model beside it."""

    def __init__(
        self,
        target: Target,
        totals: Totals | None = None,
        bounded: bool = False,
        entropy: bytes = ENTROPY,
        image: KeyImage | None = None,
        watch: Watch | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.target = target
        self._watch = watch
        self._tape = tape
        self.totals = totals or Totals()
        self.clock = Clock(target)
        self.keys = Keys(target, image or default_keys())
        self.bounded = bounded
        self._emulated = target if isinstance(target, EmulatedTarget) else None
        self.boot(entropy)

    def boot(self, entropy: bytes = ENTROPY) -> None:
        """Reset the service with this entropy page; key storage and clock stay as they are."""
        self.target.boot(entropy, self.keys.raw)
        self.model = Model(entropy, self.keys.raw)
        self.keys.bind(self.model)
        if self._tape is not None:
            self._tape.boot()
        if self._watch is not None:
            self._watch.in_play = self.model.watch_secrets()
            self._watch.judge_boot()

    # ---- exchanges ----

    def exchange(self, request: bytes) -> Response:
        """Send a request and return the answer, which the model has predicted bit for bit.

        Raises ContractViolation when the answer differs from the prediction, when none comes, or when it took more
        instructions than the operation's bound (IPC-6).
        """
        self.clock.tick()
        expected = self.model.exchange(request, self.clock.now)
        try:
            got = self.target.exchange(request)
        except TargetStopped as stop:
            raise ContractViolation(str(Stopped(stop.description))) from None
        except CodecError as error:
            raise ContractViolation(f"malformed response: {error}") from None
        self.totals.exchanges += 1
        self.note(request, got)
        if self._emulated is not None:
            self._count(request, got)
        if got != expected:
            verdict = compare(expected, got)
            assert not isinstance(verdict, Match)
            raise ContractViolation(f"{verdict} (request {request[:24].hex()}, {len(request)} bytes)")
        return got

    def note(self, request: bytes, response: Response) -> None:
        """Put an exchange on the tape, where one runs."""
        if self._tape is not None:
            self._tape.note(TapedExchange(self.clock.now, self.keys.raw, request, response.payload))

    def _count(self, request: bytes, response: Response) -> None:
        assert self._emulated is not None
        used = self._emulated.last_instructions
        self.totals.instructions += used
        if self.bounded:
            limit = instruction_limit(request, response) * self._emulated.instruction_factor
            if used > limit:
                raise ContractViolation(f"answered after {used} instructions, the bound is {limit} (IPC-6)")

    def send(self, type: int, payload: bytes = b"", **header: int) -> Response:
        """Send a request built from its parts; `header` overrides magic, version, flags or payload_length."""
        return self.exchange(RawRequest(type, payload, **header).encode())

    def aes_encrypt(self, key_id: int, plaintext: bytes = b"", aad: bytes = b"") -> Response:
        """AES_ENCRYPT."""
        return self.exchange(codec.aes_encrypt(key_id, aad, plaintext))

    def aes_decrypt(self, key_id: int, nonce: bytes, ciphertext: bytes, tag: bytes, aad: bytes = b"") -> Response:
        """AES_DECRYPT."""
        return self.exchange(codec.aes_decrypt(key_id, nonce, aad, ciphertext, tag))

    def seal(self, key_id: int, plaintext: bytes = b"", aad: bytes = b"") -> tuple[bytes, bytes, bytes]:
        """AES_ENCRYPT that must succeed; returns (nonce, ciphertext, tag)."""
        response = self.aes_encrypt(key_id, plaintext, aad)
        assert response.status is Status.SUCCESS, f"AES_ENCRYPT: {response.status.name}"
        sealed = response.payload
        return sealed[: table.GCM_NONCE_SIZE], sealed[table.GCM_NONCE_SIZE : -16], sealed[-table.GCM_TAG_SIZE :]

    def mldsa_sign(self, key_id: int, message: bytes = b"", context: bytes = b"") -> Response:
        """MLDSA_SIGN."""
        return self.exchange(codec.mldsa_sign(key_id, context, message))

    def mldsa_verify(self, key_id: int, signature: bytes, message: bytes = b"", context: bytes = b"") -> Response:
        """MLDSA_VERIFY."""
        return self.exchange(codec.mldsa_verify(key_id, context, signature, message))

    def mlkem_keygen(self, key_id: int) -> Response:
        """MLKEM_KEYGEN."""
        return self.exchange(codec.mlkem_keygen(key_id))

    def mlkem_encaps(self, encapsulation_key: bytes) -> Response:
        """MLKEM_ENCAPS."""
        return self.exchange(codec.mlkem_encaps(encapsulation_key))

    def mlkem_decaps(self, key_id: int, ciphertext: bytes) -> Response:
        """MLKEM_DECAPS."""
        return self.exchange(codec.mlkem_decaps(key_id, ciphertext))

    # ---- what some targets cannot do ----

    def require(self, capability: str) -> None:
        """Skip the test when the target lacks a capability."""
        if capability not in self.target.capabilities:
            self._lacks(capability)

    def _lacks(self, capability: str) -> NoReturn:
        pytest.skip(f"target {self.target.name} lacks the capability {capability}")

    @property
    def emulated(self) -> EmulatedTarget:
        """The target with memory, symbols and instruction counts; skips the test on targets without."""
        self.require(MEMORY)
        if self._emulated is None:
            self._lacks(MEMORY)
        return self._emulated

    @property
    def watch(self) -> Watch:
        """What watches every run for secrets; skips the test where nothing does."""
        self.require(MEMORY)
        if self._watch is None:
            pytest.skip("secrets and fetches are not watched: --no-secrets")
        return self._watch

    @property
    def machine(self) -> Machine:
        """The emulated machine; skips the test on other targets."""
        return self.emulated.machine

    @property
    def window(self) -> Window:
        """The raw window; skips the test on targets without access to it."""
        return self.emulated.window


def instruction_limit(request: bytes, response: Response) -> int:
    """The bound of docs/protocol.md for this request, by its type and claimed length (IPC-6)."""
    length = min(int.from_bytes(request[4:8], "little"), table.MAX_PAYLOAD)
    command = table.BY_CODE.get(request[2]) if len(request) > 2 else None
    if command is None or response.status in _REFUSED_BY_HEADER:
        return table.REFUSAL_BOUND.fixed
    return command.bound.limit(length)

# SPDX-License-Identifier: GPL-2.0-or-later
"""All chapters at once: a state machine that encrypts, decrypts, replays, forges, rotates, damages, repairs, reboots
and turns the clock in any order.

Each answer is compared with the model; what the contract promises of the messages is asserted beside it, from a
bookkeeping of its own: which messages open under the present keys, and which have been opened already.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from harness.conformance.dut import Dut
from harness.conformance.support import CHEAPEST, noise, nonce_number, open_outside, seal_outside
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID, default_keys
from harness.protocol.codec import Response
from harness.protocol.commands import Status

_KEY_IDS = st.sampled_from((AES_KEY_ID, SECOND_AES_KEY_ID))
_SIZES = st.sampled_from((0, 1, 15, 16, 17, 100, 1000, 20_000, 65_000))
PARTS = st.sampled_from(("key_id", "algorithm", "parameter_set", "generation", "material_length", "material", "digest"))
_STEPS = st.sampled_from((1, 999, 1000, 1001, 50_000, 99_999, 100_000, 10**7, -1, -1000, -50_000, -(10**7)))


@dataclass(frozen=True)
class Message:
    """A message that was sealed: by the service, or outside with a nonce of the test's choice."""

    key_id: int
    material: bytes
    nonce: bytes
    ciphertext: bytes
    tag: bytes
    aad: bytes
    text: bytes


class ServiceMachine(RuleBasedStateMachine):
    """The rules. Answers to requests that the limiter refuses say nothing else, so each check allows for them."""

    messages = Bundle("messages")
    dut: Dut  # set by the test, in a subclass of its own

    def __init__(self) -> None:
        super().__init__()
        self.dut.clock.set(10**9)
        self.dut.clock.pace = 700
        self.dut.keys.replace(default_keys())
        self.entropy = 1
        self.rotations = 0
        self.damaged = False
        self.opened: set[tuple[int, bytes]] = set()
        self.dut.boot(noise(48, seed=1))

    @initialize(target=messages)
    def foreign_messages(self) -> object:
        """Two messages under one nonce, which only one of them may use."""
        made = []
        for text in (b"", b"foreign text"):
            ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(1), text)
            made.append(Message(AES_KEY_ID, self._material(AES_KEY_ID), nonce_number(1), ciphertext, tag, b"", text))
        return multiple(*made)

    # ---- operations ----

    @rule(target=messages, key_id=_KEY_IDS, size=_SIZES, aad_size=st.sampled_from((0, 1, 16, 300)))
    def encrypt(self, key_id: int, size: int, aad_size: int) -> object:
        text, aad = noise(size, seed=size), noise(aad_size, seed=2)
        response = self.dut.aes_encrypt(key_id, text, aad)
        if response.status is not Status.SUCCESS:
            assert response.status is Status.RATE_LIMITED or self.damaged, response.status.name
            return multiple()
        sealed = response.payload[:12], response.payload[12:-16], response.payload[-16:]
        assert open_outside(self._material(key_id), sealed, aad) == text
        return Message(key_id, self._material(key_id), *sealed, aad, text)

    @rule(message=messages)
    def decrypt(self, message: Message) -> None:
        self._judge(message, self._send(message, message.tag))

    @rule(message=messages, times=st.integers(2, 4))
    def replay(self, message: Message, times: int) -> None:
        for _ in range(times):
            self._judge(message, self._send(message, message.tag))

    @rule(message=messages, bit=st.integers(0, 127))
    def forge(self, message: Message, bit: int) -> None:
        tag = bytearray(message.tag)
        tag[bit // 8] ^= 1 << bit % 8
        response = self._send(message, bytes(tag))
        used = (message.key_id, message.nonce) in self.opened
        wanted = Status.NONCE_REUSE if used else Status.DECRYPTION_FAILED
        assert response.status in (wanted, Status.RATE_LIMITED) or self.damaged, response.status.name

    @rule(request=st.binary(max_size=40))
    def malformed(self, request: bytes) -> None:
        self.dut.exchange(request)

    @rule(type=st.sampled_from((1, 2)), payload=st.binary(max_size=60), length=st.integers(0, 70_000))
    def malformed_payload(self, type: int, payload: bytes, length: int) -> None:
        response = self.dut.send(type, payload, payload_length=length)
        assert length <= 65536 or response.status in (Status.PAYLOAD_TOO_LARGE, Status.RATE_LIMITED)

    @rule(count=st.integers(1, 130))
    def burst(self, count: int) -> None:
        """Many requests at one moment."""
        pace, self.dut.clock.pace = self.dut.clock.pace, 0
        statuses = [self.dut.exchange(CHEAPEST).status for _ in range(count)]
        self.dut.clock.pace = pace
        assert statuses.count(Status.INVALID_TYPE) <= 100
        assert statuses == sorted(statuses), "served again at a moment at which it refused already"

    # ---- key manager ----

    @rule(key_id=_KEY_IDS, new=st.booleans())
    def rotate(self, key_id: int, new: bool) -> None:
        self.rotations += 1
        self.dut.keys.rotate(key_id, noise(32, seed=1000 + self.rotations) if new else None)
        self.damaged = False
        # The tracker restarts with the first request that finds the new generation.
        self.dut.clock.advance(200_000)
        assert self.dut.aes_encrypt(key_id).status is Status.SUCCESS
        self.opened = {(other, nonce) for other, nonce in self.opened if other != key_id}

    @rule(key_id=_KEY_IDS, part=PARTS)
    def damage(self, key_id: int, part: str) -> None:
        self.dut.keys.repair()
        self.dut.keys.corrupt(key_id, part)  # type: ignore[arg-type]
        self.damaged = True
        if part == "key_id":
            # No slot carries the id any more: the next request forgets it.
            self.dut.clock.advance(200_000)
            self.dut.aes_encrypt(key_id)
            self.opened = {(other, nonce) for other, nonce in self.opened if other != key_id}

    @rule()
    def repair(self) -> None:
        self.dut.keys.repair()
        self.damaged = False

    # ---- world ----

    @rule(step=_STEPS)
    def clock(self, step: int) -> None:
        self.dut.clock.set(max(0, self.dut.clock.now + step))

    @rule(pace=st.sampled_from((0, 400, 999, 1000, 5000)))
    def hurry(self, pace: int) -> None:
        self.dut.clock.pace = pace

    @rule(fresh=st.booleans())
    def reboot(self, fresh: bool) -> None:
        self.entropy += fresh
        self.dut.boot(noise(48, seed=self.entropy))
        self.forget_all()

    @invariant()
    def window_is_answered(self) -> None:
        if "memory" in self.dut.target.capabilities:
            assert self.dut.window.doorbell == self.dut.window.response_doorbell

    # ---- bookkeeping ----

    def forget_all(self) -> None:
        """What a reset makes the service forget."""
        self.opened.clear()

    def _material(self, key_id: int) -> bytes:
        return self.dut.keys.image.slot(key_id).material

    def _send(self, message: Message, tag: bytes) -> Response:
        return self.dut.aes_decrypt(message.key_id, message.nonce, message.ciphertext, tag, message.aad)

    def _judge(self, message: Message, response: Response) -> None:
        """What a genuine message comes to."""
        if response.status is Status.RATE_LIMITED:
            return
        if response.status is Status.KEY_NOT_FOUND:
            assert self.damaged
            return
        if (message.key_id, message.nonce) in self.opened:
            assert response.status is Status.NONCE_REUSE, "a replay passes"
        elif message.material != self._material(message.key_id):
            assert response.status is Status.DECRYPTION_FAILED, "a rotated key opens"
        else:
            assert response.status is Status.SUCCESS, response.status.name
            assert response.payload == message.text
            self.opened.add((message.key_id, message.nonce))


def run_machine(machine: type[ServiceMachine], examples: int) -> None:
    """So many sequences of 50 steps, always the same."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.clause("AES-1", "AES-2", "AES-3", "IPC-6", "KEY-2", "KEY-3", "NON-1", "NON-2", "RATE-2", "RNG-2", "VAL-1")
def test_any_sequence_of_requests_rotations_damage_and_time(dut: Dut) -> None:
    device = dut

    class Bound(ServiceMachine):
        dut = device

    run_machine(Bound, 40)

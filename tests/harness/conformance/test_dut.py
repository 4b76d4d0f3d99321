# SPDX-License-Identifier: GPL-2.0-or-later
"""The device under test notices every way in which a target can leave the contract."""

from __future__ import annotations

import pytest

from harness.conformance.dut import ContractViolation, Dut, instruction_limit
from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS, default_keys
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import CodecError, Response
from harness.protocol.commands import BY_CODE, REFUSAL_BOUND, Status
from harness.protocol.key_image import KeyImage
from harness.tape import Tape
from harness.targets.base import MEMORY, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget


class Wrong(ModelTarget):
    """A target whose answers a test chooses."""

    answer: Response | Exception | None = None

    def exchange(self, request: bytes) -> Response:
        right = super().exchange(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return right if self.answer is None else self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response(Status.SUCCESS), "status: expected INVALID_TYPE, got SUCCESS"),
        (TargetStopped("read not granted at 0x00000000"), "stopped: read not granted"),
        (CodecError("response magic is 0x00, not 0xC8"), "malformed response: response magic"),
    ],
)
def test_a_violation_is_told(answer: Response | Exception, said: str) -> None:
    target = Wrong()
    dut = Dut(target)
    dut.send(0x99)
    target.answer = answer
    with pytest.raises(ContractViolation, match=said):
        dut.send(0x99)


def test_a_different_payload_is_told() -> None:
    target = Wrong()
    dut = Dut(target)
    target.answer = Response(Status.SUCCESS, bytes(28))
    with pytest.raises(ContractViolation, match="differs from byte 0 of 28 on"):
        dut.aes_encrypt(AES_KEY_ID)


def test_exchanges_are_paced_unless_the_test_paces_them() -> None:
    dut = Dut(ModelTarget())
    assert all(dut.send(0x99).status is Status.INVALID_TYPE for _ in range(300))
    dut.clock.pace = 0
    assert [dut.send(0x99).status for _ in range(101)][-1] is Status.RATE_LIMITED


def test_exchanges_go_on_a_tape() -> None:
    tape = Tape()
    dut = Dut(ModelTarget(), tape=tape)
    dut.send(0x99)
    dut.keys.corrupt(AES_KEY_ID)
    answer = dut.aes_encrypt(AES_KEY_ID)
    dut.boot()
    payload = dut.mlkem_keygen(MLKEM_KEY_IDS[512]).payload
    (first, second), (third,) = tape.sequences
    assert (first.clock, first.key_image) == (1000, default_keys().build())
    assert (second.clock, second.key_image, second.payload) == (2000, dut.keys.raw, answer.payload)
    assert third.request == codec.mlkem_keygen(MLKEM_KEY_IDS[512])
    assert third.payload == payload != b""


def test_keys_reach_target_and_model() -> None:
    dut = Dut(ModelTarget())
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"text")
    dut.keys.rotate(AES_KEY_ID, bytes(32))
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag).status is Status.DECRYPTION_FAILED
    dut.keys.corrupt(AES_KEY_ID)
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.KEY_NOT_FOUND
    dut.keys.repair()
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.SUCCESS


def test_it_may_begin_with_keys_of_ones_own() -> None:
    image = KeyImage((key_image.aes_slot(77, bytes(32)),))
    dut = Dut(ModelTarget(), image=image)
    assert dut.aes_encrypt(77).status is Status.SUCCESS
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.KEY_NOT_FOUND


def test_there_is_a_key_of_every_kind() -> None:
    kinds = {(slot.algorithm, slot.parameter_set) for slot in default_keys().slots if slot is not None}
    assert kinds == set(table.MATERIAL_LENGTHS)
    default_keys().check()


def test_what_a_target_lacks_skips_the_case() -> None:
    dut = Dut(ModelTarget())
    for access in (lambda: dut.machine, lambda: dut.window, lambda: dut.require(MEMORY)):
        with pytest.raises(pytest.skip.Exception, match="target model lacks the capability memory"):
            access()


def test_the_instruction_bound_is_held(emulated: EmulatedTarget) -> None:
    dut = Dut(emulated, bounded=True)
    dut.seal(AES_KEY_ID, bytes(1000))
    assert dut.totals.exchanges == 1
    assert dut.totals.instructions == emulated.last_instructions
    limit = instruction_limit(codec.aes_encrypt(AES_KEY_ID, b"", bytes(1000)), Response(Status.SUCCESS))
    assert limit == BY_CODE[1].bound.limit(1006)
    assert instruction_limit(b"\xc7\x01\x01", Response(Status.RATE_LIMITED)) == REFUSAL_BOUND.fixed


def test_each_operation_has_a_method() -> None:
    dut = Dut(ModelTarget())
    signature = dut.mldsa_sign(MLDSA_KEY_IDS[44], b"message", b"context").payload
    assert dut.mldsa_verify(MLDSA_KEY_IDS[44], signature, b"message", b"context") == Response(Status.SUCCESS)
    key = dut.mlkem_keygen(MLKEM_KEY_IDS[512]).payload
    encapsulated = dut.mlkem_encaps(key).payload
    assert dut.mlkem_decaps(MLKEM_KEY_IDS[512], encapsulated[:-32]).payload == encapsulated[-32:]

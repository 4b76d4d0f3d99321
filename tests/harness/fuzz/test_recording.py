# SPDX-License-Identifier: GPL-2.0-or-later
"""A script made of a recording asks, in the executor, what was asked, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS, default_keys
from harness.fuzz import script as s
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.key_images import key_images, named_images
from harness.fuzz.recording import scripts
from harness.fuzz.script import SENDS_MAX, Op, decode
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage
from harness.tape import Tape, TapedExchange
from harness.targets.emulated import EmulatedTarget

LENGTH = 1024
SOUND = key_images()[0]


def ops(script: bytes) -> list[Op]:
    return [step.op for step in decode(script)]


def exchange(request: bytes, payload: bytes = b"", clock: int = 0, image: bytes = SOUND) -> TapedExchange:
    return TapedExchange(clock, image, request, payload)


def aes(dut: Dut) -> None:
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"a plaintext that is no run of one byte", b"aad")
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, bytes(16), b"aad").status is Status.DECRYPTION_FAILED
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, b"aad").status is Status.SUCCESS
    dut.keys.replace(KeyImage.parse(named_images()["rotated"]))
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, b"aad").status is Status.SUCCESS


def mldsa(dut: Dut) -> None:
    signature = dut.mldsa_sign(MLDSA_KEY_IDS[44], b"message", b"ctx").payload
    assert dut.mldsa_verify(MLDSA_KEY_IDS[44], signature, b"message", b"ctx").status is Status.SUCCESS


def mlkem(dut: Dut) -> None:
    answer = dut.mlkem_encaps(dut.mlkem_keygen(MLKEM_KEY_IDS[512]).payload).payload
    assert dut.mlkem_decaps(MLKEM_KEY_IDS[512], answer[: -table.MLKEM_SECRET_SIZE]).payload == answer[-32:]


def around(dut: Dut) -> None:
    dut.clock.pace = 0
    for _ in range(5):
        dut.send(0x7F)
    dut.clock.set(1 << 60 | 12345)
    dut.send(1, b"\7" * 300, payload_length=70000)
    dut.clock.set(3)
    dut.send(1, b"short", magic=0xC8)
    dut.exchange(b"\xc7\1")
    dut.exchange(b"")
    dut.keys.write(named_images()["unparsable"])
    dut.aes_encrypt(AES_KEY_ID, b"with the keys of before")


@pytest.mark.parametrize("case", [aes, mldsa, mlkem, around])
def test_the_executor_does_what_was_recorded(
    case: Callable[[Dut], None], emulated: EmulatedTarget, executor: Executor
) -> None:
    tape = Tape()
    case(Dut(emulated, tape=tape))
    (sequence,) = tape.sequences
    (script,) = scripts(tape.sequences, LENGTH)
    assert executor.run(script) is Verdict.PASS
    done = [
        exchange(e.request.ljust(len(taped.request), b"\0"), e.payload, e.clock, key_images()[e.image])
        for e, taped in zip(executor.exchanges, sequence, strict=True)
    ]
    assert done == [exchange(t.request, t.payload, t.clock, t.key_image.ljust(len(SOUND), b"\0")) for t in sequence]


def test_parts_of_answers_are_taken_from_them() -> None:
    answer = bytes(range(100, 160))
    request = codec.aes_decrypt(AES_KEY_ID, answer[:12], b"", answer[12:-16], answer[-16:])
    (script,) = scripts([[exchange(b"?", answer), exchange(b"!"), exchange(request)]], LENGTH)
    assert [step for step in decode(script) if step.op is Op.REPLAY] == [s.replay(1, 0, 12), s.replay(1, 12)]


def test_an_answer_with_a_changed_byte_is_still_taken_from_it() -> None:
    answer = bytes(range(200))
    changed = answer[:90] + b"?" + answer[91:]
    (script,) = scripts([[exchange(b"?", answer), exchange(changed)]], LENGTH)
    assert list(decode(script))[2:] == [s.replay(0, 0, 90), *s.literal(b"?"), s.replay(0, 91), s.send_raw()]


def test_shorter_parts_are_no_parts() -> None:
    (script,) = scripts([[exchange(b"?", bytes(range(11))), exchange(bytes(range(11)))]], LENGTH)
    assert Op.REPLAY not in ops(script)


def test_runs_headers_and_repetitions() -> None:
    wrong_length = codec.RawRequest(9, b"\5" * 5000, payload_length=3).encode()
    sequence = [exchange(codec.encode_request(9)), *[exchange(wrong_length)] * 4, exchange(b"\0" * 8)]
    (script,) = scripts([sequence], LENGTH)
    assert list(decode(script)) == [
        s.send(9),
        s.fill(5000, 5),
        s.claim(3),
        s.send(9),
        s.repeat(3),
        s.fill(8),
        s.send_raw(),
    ]


def test_a_long_sequence_becomes_several_scripts() -> None:
    sequence = [exchange(codec.encode_request(9, bytes(range(i, i + 11)))) for i in range(2 * SENDS_MAX + 1)]
    made = scripts([sequence], LENGTH)
    assert max(map(len, made)) <= LENGTH
    assert sum(ops(script).count(Op.SEND) for script in made) == len(sequence)
    assert max(ops(script).count(Op.SEND) for script in made) <= SENDS_MAX
    assert [len(made) for made in (scripts([sequence], 1 << 20), scripts([sequence, sequence], 1 << 20))] == [3, 3]


def test_what_cannot_be_said_is_left_out() -> None:
    noise = bytes(i * i % 251 for i in range(2000))
    foreign = default_keys().build()[:-1] + b"?"
    sequence = [exchange(b"one", image=foreign), exchange(noise), exchange(b"two")]
    assert [ops(script) for script in scripts([sequence], LENGTH)] == [[Op.BYTES, Op.SEND_RAW]] * 2
    assert scripts([[exchange(noise)]], LENGTH) == ()

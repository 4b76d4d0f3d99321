# SPDX-License-Identifier: GPL-2.0-or-later
"""Constant time (SEC-2): whatever the secrets, the same blocks are entered and the same addresses accessed, in order.

Compared are the primitives, called by name, and whole requests from doorbell to answer. Of the nonce tracker's filter
the addresses follow from the keyed hash of a nonce, as NON-3 defines it: requests that are compared carry the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from _pytest.mark import ParameterSet

from emulator.stop import IDLE
from emulator.trace import Trace
from harness.analysis.constant_time import CASES, Bench, Case, compare, describe
from harness.conformance.dut import PACE_US, Dut
from harness.conformance.support import granted, noise, nonce_number, seal_outside
from harness.default_keys import AES_KEY_ID
from harness.protocol import codec, key_image
from harness.protocol.commands import Algorithm
from harness.protocol.key_image import KeyImage, KeySlot
from harness.targets.emulated import EXCHANGE_BUDGET, EmulatedTarget

# One parameter set of each family stands for its others, which run the same code with other sizes.
_SLOW = ("-65", "-87", "-768", "-1024")
_MLDSA_VARIANTS = 2  # each is a key and a search for a signature of one attempt
_MLKEM_ID = 7


@pytest.fixture(scope="module")
def bench(bench_target: object) -> Iterator[Bench | None]:
    """Single functions of the image under test."""
    if not isinstance(bench_target, EmulatedTarget):
        yield None
        return
    made = Bench(bench_target.image.path, bench_target.board_name)
    yield made
    made.close()


def _parameters() -> list[ParameterSet]:
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.name.endswith(_SLOW) else [])
        for case in CASES
    ]


@pytest.mark.clause("SEC-2")
@pytest.mark.parametrize("case", _parameters())
def test_no_secret_decides_a_branch_or_an_address(dut: Dut, bench: Bench | None, case: Case) -> None:
    assert dut.emulated
    assert bench is not None
    made = compare(bench, case, _MLDSA_VARIANTS) if case.name.startswith("ML-DSA") else compare(bench, case)
    if made.skipped:
        pytest.skip(made.skipped)
    assert made.events > 50
    assert not made.difference, f"{made.secret} decides {made.difference}"


# ---- whole requests ----


def _same_trace(dut: Dut, requests: Sequence[bytes], prepare: Sequence[Callable[[], None]] = ()) -> None:
    """Each request, of one length, runs from the same state; `prepare` changes what else is secret for each."""
    target, machine = dut.emulated, dut.machine
    dut.clock.advance(PACE_US)
    machine.cpu.arm_watch(False)
    target.window.post(requests[0])
    machine.cpu.checkpoint()
    with Trace(machine) as trace:
        for number, request in enumerate(requests):
            machine.cpu.rollback()
            target.window.request_area[: len(request)] = request
            if prepare:
                prepare[number]()
            if number:
                trace.compare()
            else:
                trace.record()
            assert machine.run(EXCHANGE_BUDGET) is IDLE
            if number:
                found = trace.difference
                assert found is None, f"a secret decides {describe(machine, found)}"


@pytest.mark.clause("SEC-2")
def test_plaintexts_are_encrypted_alike(dut: Dut) -> None:
    texts = (bytes(100), b"\xff" * 100, noise(100, 1), noise(100, 2))
    _same_trace(dut, [codec.aes_encrypt(AES_KEY_ID, b"aad", text) for text in texts])


@pytest.mark.clause("SEC-2")
def test_keys_encrypt_alike(dut: Dut) -> None:
    """Other material under the same id: the look-up, with its digest over the slot, is compared as well."""
    dut.keys.replace(KeyImage((key_image.aes_slot(AES_KEY_ID, noise(32, 1)),)))
    images = [KeyImage((key_image.aes_slot(AES_KEY_ID, noise(32, seed)),)).build() for seed in (1, 2, 3)]
    request = codec.aes_encrypt(AES_KEY_ID, b"aad", noise(100))
    _same_trace(dut, [request] * 3, [partial(dut.target.write_key_image, image) for image in images])


@pytest.mark.clause("SEC-2")
def test_plaintexts_are_decrypted_alike(dut: Dut) -> None:
    requests = []
    for text in (bytes(100), b"\xff" * 100, noise(100, 3)):
        ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(1), text)
        requests.append(codec.aes_decrypt(AES_KEY_ID, nonce_number(1), b"", ciphertext, tag))
    _same_trace(dut, requests)


@pytest.mark.clause("SEC-2", "AES-3")
def test_forgeries_fail_alike(dut: Dut) -> None:
    """Wherever the tag is wrong: the time that a refusal takes must not help to find the right one."""
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(1), noise(100))
    wrong = [tag[:i] + bytes([tag[i] ^ 1]) + tag[i + 1 :] for i in range(16)]
    _same_trace(dut, [codec.aes_decrypt(AES_KEY_ID, nonce_number(1), b"", ciphertext, one) for one in wrong])


@pytest.mark.clause("SEC-2")
@pytest.mark.parametrize("parameter_set", [512, 768, 1024])
def test_good_and_bad_ciphertexts_are_decapsulated_alike(dut: Dut, parameter_set: int) -> None:
    dut.keys.replace(KeyImage((KeySlot(_MLKEM_ID, Algorithm.MLKEM, parameter_set, 1, b""),)))
    encapsulation_key = granted(dut.exchange(codec.mlkem_keygen(_MLKEM_ID)))
    good = granted(dut.exchange(codec.mlkem_encaps(encapsulation_key)))[:-32]
    last = good[:-1] + bytes([good[-1] ^ 1])
    ciphertexts = (good, bytes([good[0] ^ 1]) + good[1:], last, noise(len(good)))
    _same_trace(dut, [codec.mlkem_decaps(_MLKEM_ID, ciphertext) for ciphertext in ciphertexts])

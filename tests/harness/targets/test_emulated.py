# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated target on the real release image."""

from pathlib import Path

import pytest

from emulator.errors import EmulatorError
from harness.protocol import codec, key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage
from harness.targets.base import TargetError, TargetStopped
from harness.targets.emulated import EmulatedTarget

ENTROPY = bytes(range(48))
KEYS = KeyImage((key_image.aes_slot(1, bytes(32)),)).build()
ENCRYPT = codec.aes_encrypt(1, b"", b"text")


def test_boot_comes_up_and_says_so(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    assert emulated.machine.uart.text().startswith("crypto service ")
    assert emulated.build_kind == "release"
    assert emulated.last_instructions > 0


def test_a_second_boot_answers_as_the_first(emulated: EmulatedTarget) -> None:
    answers = []
    for entropy in (ENTROPY, ENTROPY, bytes(reversed(ENTROPY)), ENTROPY):
        emulated.boot(entropy, KEYS)
        answers.append([emulated.exchange(ENCRYPT).payload for _ in range(3)])
    assert answers[0] == answers[1] == answers[3] != answers[2]


def test_key_storage_is_the_booted_one_again_after_restore(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    emulated.write_key_image(b"")
    assert emulated.exchange(ENCRYPT).status is Status.KEY_NOT_FOUND
    emulated.restore()
    assert emulated.exchange(ENCRYPT).status is Status.SUCCESS


def test_the_clock_survives_a_boot_and_takes_u64_only(emulated: EmulatedTarget) -> None:
    emulated.set_clock(77)
    emulated.boot(ENTROPY, KEYS)
    assert emulated.machine.kernel_page.now == 77
    with pytest.raises(TargetError, match="u64"):
        emulated.set_clock(1 << 64)


def test_a_patched_image_is_the_one_that_runs_and_boots(emulated: EmulatedTarget) -> None:
    """A function that has been executed before, and a boot from the same pages as before."""
    emulated.boot(ENTROPY, KEYS)
    first = emulated.exchange(ENCRYPT)
    address = emulated.machine.symbols.address("rate_limiter_admit")
    before = emulated.patch(address, bytes.fromhex("00207047"))
    assert emulated.exchange(ENCRYPT).status is Status.RATE_LIMITED
    emulated.boot(ENTROPY, KEYS)
    assert emulated.exchange(ENCRYPT).status is Status.RATE_LIMITED
    assert emulated.patch(address, before) == bytes.fromhex("00207047")
    emulated.boot(ENTROPY, KEYS)
    assert emulated.exchange(ENCRYPT) == first


def test_variables_are_peeked_and_poked_by_name(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    emulated.exchange(ENCRYPT)
    assert emulated.peek("key_states[0].encryptions") == 1
    emulated.poke("key_states[0].encryptions", 5)
    assert emulated.peek("key_states[0].encryptions") == 5
    with pytest.raises(EmulatorError, match="no_such"):
        emulated.peek("no_such")


def test_a_guest_that_faults_is_stopped_with_its_report(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    # udf #0 in the place of the dispatcher's first instruction
    dispatch = emulated.image.symbols["dispatch"].address
    emulated.machine.write(dispatch, b"\x00\xde")
    emulated.machine.cpu.forget_translations()
    with pytest.raises(TargetStopped, match="undefined instruction, in dispatch") as caught:
        emulated.exchange(ENCRYPT)
    assert "call chain" in caught.value.description


def test_what_does_not_fit_is_refused(emulated: EmulatedTarget, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="does not fit"):
        emulated.write_key_image(bytes(0xB001))
    with pytest.raises(TargetError, match="boot first"):
        emulated.restore()
    with pytest.raises(EmulatorError, match="unknown"):
        EmulatedTarget(tmp_path / "any", "toaster")


def test_steps_and_leaps_come_to_the_same_answer(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    want, count = emulated.exchange(ENCRYPT), emulated.last_instructions
    end = emulated.registers()
    emulated.boot(ENTROPY, KEYS)
    emulated.begin(ENCRYPT)
    leaps = 0
    while not emulated.answered():
        leaps += emulated.leap(1024)
    assert (leaps, emulated.registers(), emulated.window.take()) == (count, end, want)
    emulated.boot(ENTROPY, KEYS)
    emulated.begin(ENCRYPT)
    steps = 0
    while not emulated.answered():
        emulated.step()
        steps += 1
    assert (emulated.registers(), emulated.window.take()) == (end, want)
    assert count // 2 < steps <= count  # without what is skipped
    with pytest.raises(TargetError, match="behind single steps"):
        emulated.leap(1024)
    emulated.boot(ENTROPY, KEYS)
    assert emulated.exchange(ENCRYPT) == want

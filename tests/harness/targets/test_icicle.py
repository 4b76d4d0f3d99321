# SPDX-License-Identifier: GPL-2.0-or-later
"""The icicle target on the real release image, with the emulated one and the model beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.errors import EmulatorError
from harness.default_keys import default_keys
from harness.differential.session import run_diff
from harness.protocol import codec, key_image
from harness.protocol.commands import KEY_STORAGE_SIZE, Status
from harness.protocol.key_image import KeyImage
from harness.targets.base import TargetError, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.icicle import IcicleTarget
from harness.targets.model import ModelTarget

ENTROPY = bytes(range(48))
KEYS = KeyImage((key_image.aes_slot(1, bytes(32)),)).build()
ENCRYPT = codec.aes_encrypt(1, b"aad", b"text")


@pytest.fixture
def icicle(firmware: Path) -> Iterator[IcicleTarget]:
    """Booted."""
    target = IcicleTarget(firmware)
    target.boot(ENTROPY, KEYS)
    yield target
    target.close()


def defective(firmware: Path, folder: Path, function: str, code: bytes) -> Path:
    """A copy of the image in which a function begins with other instructions."""
    target = EmulatedTarget(firmware)
    section = target.image.section(".text")
    assert section is not None
    offset = section.offset + (target.image.symbols[function].address & ~1) - section.address
    target.close()
    contents = bytearray(firmware.read_bytes())
    contents[offset : offset + len(code)] = code
    path = folder / "service.elf"
    path.write_bytes(contents)
    return path


def test_random_sequences_are_answered_as_the_model_answers_them(icicle: IcicleTarget) -> None:
    result = run_diff(ModelTarget(), icicle, 600, seed=7)
    assert (result.first, result.requests) == (None, 600)


def test_post_quantum_requests_take_the_instructions_that_the_other_engine_counts(
    icicle: IcicleTarget, emulated: EmulatedTarget
) -> None:
    for target in (icicle, emulated):
        target.boot(ENTROPY, default_keys().build())
    for request in (codec.mlkem_keygen(1298), codec.mldsa_sign(68, b"context", b"message"), ENCRYPT):
        assert icicle.exchange(request) == emulated.exchange(request)
        assert icicle.machine.instructions == emulated.last_instructions


def test_a_boot_forgets_everything(icicle: IcicleTarget) -> None:
    sealed = icicle.exchange(ENCRYPT).payload
    opening = codec.aes_decrypt(1, sealed[:12], b"aad", sealed[12:-16], sealed[-16:])
    statuses = [icicle.exchange(opening).status for _ in range(2)]
    assert statuses == [Status.SUCCESS, Status.NONCE_REUSE]
    for _ in range(2):
        icicle.boot(ENTROPY, KEYS)
        assert icicle.exchange(ENCRYPT).payload == sealed
        assert icicle.exchange(opening).status is Status.SUCCESS
    icicle.boot(bytes(reversed(ENTROPY)), KEYS)
    assert icicle.exchange(ENCRYPT).payload != sealed


def test_a_boot_keeps_the_clock(icicle: IcicleTarget) -> None:
    for _ in range(100):
        icicle.exchange(ENCRYPT)
    assert icicle.exchange(ENCRYPT).status is Status.RATE_LIMITED
    icicle.set_clock(100_000)
    icicle.boot(ENTROPY, KEYS)
    icicle.set_clock(0)
    assert [icicle.exchange(ENCRYPT).status for _ in range(101)][99:] == [Status.SUCCESS, Status.RATE_LIMITED]
    icicle.set_clock(99_999)
    assert icicle.exchange(ENCRYPT).status is Status.RATE_LIMITED


def test_a_rotation_gives_another_key(icicle: IcicleTarget) -> None:
    image = KeyImage.parse(KEYS)
    icicle.write_key_image(image.replaced(image.slot(1).rotated(bytes(range(32)))).build())
    fresh = IcicleTarget(icicle.image.path)
    fresh.boot(ENTROPY, KEYS)
    assert icicle.exchange(ENCRYPT).payload[12:] != fresh.exchange(ENCRYPT).payload[12:]
    icicle.write_key_image(b"")
    assert icicle.exchange(ENCRYPT).status is Status.KEY_NOT_FOUND


def test_a_snapshot_holds_clock_and_keys_and_what_the_service_knows(icicle: IcicleTarget) -> None:
    icicle.set_clock(7_000)
    state = icicle.snapshot()
    first = [icicle.exchange(ENCRYPT) for _ in range(2)]
    icicle.write_key_image(b"")
    icicle.boot(bytes(48), b"")
    icicle.restore(state)
    assert [icicle.exchange(ENCRYPT) for _ in range(2)] == first
    icicle.restore(state)
    assert [icicle.exchange(ENCRYPT).status for _ in range(101)][100] is Status.RATE_LIMITED


def test_a_response_as_long_as_they_come(icicle: IcicleTarget, emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    request = codec.aes_encrypt(1, b"", bytes(65508))
    response = icicle.exchange(request)
    assert len(response.payload) == 65536
    assert response == emulated.exchange(request)


def test_a_hang_ends_with_its_budget(firmware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.targets.icicle.EXCHANGE_BUDGET", 1_000_000)
    target = IcicleTarget(defective(firmware, tmp_path, "dispatch", bytes.fromhex("fee7")))
    target.boot(ENTROPY, KEYS)
    with pytest.raises(TargetStopped, match="not idle after 1000000 instructions, at dispatch"):
        target.exchange(ENCRYPT)
    with pytest.raises(TargetError, match="call boot"):
        target.exchange(ENCRYPT)
    target.boot(ENTROPY, KEYS)


def test_a_fault_is_told_with_its_place(firmware: Path, tmp_path: Path) -> None:
    store_to_text = bytes.fromhex("00220260")  # movs r2, #0; str r2, [r0]: r0 is no address that may be written
    target = IcicleTarget(defective(firmware, tmp_path, "rate_limiter_admit", bytes.fromhex("0020") + store_to_text))
    target.boot(ENTROPY, KEYS)
    with pytest.raises(TargetStopped, match=r"(?s)write not granted at 0x00000000.*rate_limiter_admit.*ipc_serve"):
        target.exchange(ENCRYPT)


def test_a_service_that_does_not_come_up_is_told(firmware: Path, tmp_path: Path) -> None:
    target = IcicleTarget(defective(firmware, tmp_path, "rate_limiter_init", bytes.fromhex("00de")))
    with pytest.raises(TargetStopped, match="does not come up: undefined instruction"):
        target.boot(ENTROPY, KEYS)


def test_steps_and_leaps_come_to_the_same_answer(icicle: IcicleTarget) -> None:
    want = icicle.exchange(ENCRYPT)
    counts = []
    for size in (1, 1000):
        icicle.boot(ENTROPY, KEYS)
        icicle.begin(ENCRYPT)
        count = 0
        while not icicle.answered():
            count += icicle.leap(size)
        counts.append(count)
        assert icicle.leap(size) == 0
        row = icicle.registers()
        assert (len(row), row[16] & ~0xF800_0000) == (17, 0)
        icicle.boot(ENTROPY, KEYS)
        assert icicle.exchange(ENCRYPT) == want
        assert icicle.machine.instructions == count
    assert counts[0] == counts[1]


def test_what_does_not_fit_is_refused(icicle: IcicleTarget, firmware: Path) -> None:
    with pytest.raises(TargetError, match="u64"):
        icicle.set_clock(1 << 64)
    with pytest.raises(TargetError, match="does not fit"):
        icicle.write_key_image(bytes(KEY_STORAGE_SIZE + 1))
    with pytest.raises(TargetError, match="give 48"):
        icicle.boot(bytes(47), KEYS)
    with pytest.raises(TargetError, match="call boot"):
        IcicleTarget(firmware).exchange(ENCRYPT)
    with pytest.raises(EmulatorError, match="no ELF magic"):
        IcicleTarget(Path(__file__))

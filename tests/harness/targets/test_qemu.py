# SPDX-License-Identifier: GPL-2.0-or-later
"""The release image in QEMU, with the model beside it; and what is left of QEMU when something goes wrong: nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID, ENTROPY, default_keys
from harness.differential.session import run_diff
from harness.protocol import codec
from harness.protocol.commands import AREA_SIZE, Status
from harness.targets.base import TargetError, TargetLost, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.gdb_remote.connection import Timeouts
from harness.targets.model import ModelTarget
from harness.targets.opening import default_firmware, open_target
from harness.targets.qemu import QemuTarget, require

KEYS = default_keys().build()
ENCRYPT = codec.aes_encrypt(AES_KEY_ID, b"aad", b"text")
UNKNOWN = codec.encode_request(0x7F)


@pytest.fixture(scope="module")
def shared(firmware: Path) -> Iterator[QemuTarget]:
    target = QemuTarget(firmware)
    yield target
    target.close()


@pytest.fixture
def qemu(shared: QemuTarget) -> QemuTarget:
    """Booted, clock at 0."""
    shared.set_clock(0)
    shared.boot(ENTROPY, KEYS)
    return shared


def gone(pid: int) -> bool:
    """Whether no process runs under this id any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_exchanges_clock_keys_and_reset_are_as_the_model_has_them(qemu: QemuTarget) -> None:
    dut = Dut(qemu)
    sealed = dut.seal(AES_KEY_ID, b"attack at dawn")
    assert dut.aes_decrypt(AES_KEY_ID, sealed[0], sealed[1], sealed[2]).payload == b"attack at dawn"
    assert dut.aes_decrypt(AES_KEY_ID, sealed[0], sealed[1], sealed[2]).status is Status.NONCE_REUSE
    dut.keys.rotate(AES_KEY_ID)
    assert dut.aes_decrypt(AES_KEY_ID, sealed[0], sealed[1], sealed[2]).status is Status.SUCCESS
    dut.keys.corrupt(AES_KEY_ID)
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.KEY_NOT_FOUND
    dut.keys.repair()
    dut.clock.pace = 0
    assert Status.RATE_LIMITED in [dut.exchange(UNKNOWN).status for _ in range(101)]
    dut.clock.advance(100_000)
    dut.boot()
    assert dut.seal(AES_KEY_ID, b"attack at dawn") == sealed


def test_random_sequences_are_answered_as_the_model_answers_them(shared: QemuTarget) -> None:
    result = run_diff(ModelTarget(), shared, 300, seed=3)
    assert (result.first, result.requests) == (None, 300)


def test_the_longest_request_and_a_shorter_one_behind_it(qemu: QemuTarget) -> None:
    dut = Dut(qemu)
    assert len(dut.aes_encrypt(AES_KEY_ID, bytes(60_000)).payload) == 60_028
    dut.aes_encrypt(AES_KEY_ID, b"short")
    window = qemu.board.window.base
    (area,) = qemu.stub.read((window + 0x1000, AREA_SIZE))
    request = codec.aes_encrypt(AES_KEY_ID, b"", b"short")
    assert area == request.ljust(AREA_SIZE, b"\0")
    with pytest.raises(TargetError, match="65545 bytes does not fit"):
        qemu.exchange(bytes(AREA_SIZE + 1))


def test_the_image_is_the_file_byte_for_byte_at_every_boot(qemu: QemuTarget) -> None:
    first = qemu.image.segments[0]
    qemu.stub.write(first.load_address + 0x200, b"\0\0\0\0")
    qemu.boot(ENTROPY, KEYS)
    assert qemu.stub.read((first.load_address, len(first.data))) == [first.data]


def test_no_entropy_is_no_reason_to_stop(qemu: QemuTarget) -> None:
    qemu.boot(bytes(48), KEYS)
    assert qemu.exchange(ENCRYPT).status is Status.CRYPTO_ERROR


def test_a_request_in_steps_goes_as_in_the_emulator(qemu: QemuTarget, emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, KEYS)
    for target in (qemu, emulated):
        assert target.exchange(UNKNOWN).status is Status.INVALID_TYPE
    qemu.begin(UNKNOWN)
    steps, places = 0, []
    while not qemu.answered():
        places.append(qemu.registers()[15])
        qemu.step()
        steps += 1
        assert steps < 1000
    assert len(qemu.registers()) == 17
    assert emulated.machine.symbols.describe(places[0]).startswith("idle_until_request")
    assert any(emulated.machine.symbols.describe(place).startswith("ipc_serve") for place in places)
    emulated.exchange(UNKNOWN)
    # From the answer to the wait there are a few instructions more.
    assert steps < emulated.last_instructions < steps + 40
    assert qemu.exchange(UNKNOWN).status is Status.INVALID_TYPE


def test_two_boots_go_the_same_way(qemu: QemuTarget) -> None:
    assert qemu.registers() == (qemu.boot(ENTROPY, KEYS), qemu.registers())[1]


def test_a_fault_is_a_finding_with_cause_and_place(qemu: QemuTarget) -> None:
    place = qemu.image.symbols["ipc_serve"].address
    qemu.stub.write(place, b"\xff\xde")  # udf
    with pytest.raises(TargetStopped, match=r"undefined instruction, in ipc_serve(?s:.*)HardFault: undefined instruc"):
        qemu.exchange(UNKNOWN)
    with pytest.raises(TargetError, match=r"call boot\(\) first"):
        qemu.exchange(UNKNOWN)
    qemu.boot(ENTROPY, KEYS)
    assert qemu.exchange(UNKNOWN).status is Status.INVALID_TYPE


def test_a_hang_and_a_service_that_does_not_answer_are_findings(firmware: Path) -> None:
    target = QemuTarget(firmware, timeouts=Timeouts(exchange=1.0))
    try:
        target.boot(ENTROPY, KEYS)
        place = target.image.symbols["ipc_serve"].address
        target.stub.write(place, b"\xfe\xe7")  # b .
        with pytest.raises(TargetStopped, match=r"not idle after 1 s, at ipc_serve"):
            target.exchange(UNKNOWN)
        target.boot(ENTROPY, KEYS)
        target.stub.write(place, b"\x70\x47")  # bx lr
        with pytest.raises(TargetStopped, match="request doorbell 1, response doorbell 0: not answered"):
            target.exchange(UNKNOWN)
    finally:
        target.close()


def test_a_core_that_locks_up_is_a_finding_and_the_next_boot_has_another_one(firmware: Path) -> None:
    target = QemuTarget(firmware)
    try:
        target.boot(ENTROPY, KEYS)
        target.stub.write(target.image.symbols["ipc_serve"].address, b"\xff\xde")
        target.stub.write(target.image.symbols["fault_hard"].address, b"\xff\xde")
        with pytest.raises(TargetStopped, match="Lockup"):
            target.exchange(UNKNOWN)
        target.boot(ENTROPY, KEYS)
        assert target.exchange(UNKNOWN).status is Status.INVALID_TYPE
    finally:
        target.close()
    assert gone(target.qemu.process.pid)


def test_without_breakpoints_the_core_is_looked_at(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = QemuTarget(firmware)
    try:
        monkeypatch.setattr(target.stub, "break_at", lambda address: False)
        dut = Dut(target)
        dut.seal(AES_KEY_ID, b"attack at dawn")
        assert dut.exchange(UNKNOWN).status is Status.INVALID_TYPE
    finally:
        target.close()


def test_qemu_that_is_killed_in_the_middle_is_one_line(firmware: Path) -> None:
    target = QemuTarget(firmware)
    target.boot(ENTROPY, KEYS)
    os.kill(target.qemu.process.pid, signal.SIGKILL)
    target.qemu.process.wait()
    for _ in range(2):
        with pytest.raises(TargetLost, match="QEMU") as lost:
            target.exchange(UNKNOWN)
        assert "\n" not in str(lost.value)
    target.close()


def test_close_ends_qemu(firmware: Path) -> None:
    target = QemuTarget(firmware)
    pid = target.qemu.process.pid
    assert not gone(pid)
    target.close()
    target.close()
    assert gone(pid)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_qemu_ends_with_the_command_whatever_ends_that(by: signal.Signals) -> None:
    """A program that says QEMU's process id and exchanges until it is ended."""
    program = (
        "from harness.targets.opening import open_target\n"
        "from harness.default_keys import ENTROPY, default_keys\n"
        "target = open_target('qemu')\n"
        "try:\n"
        "    target.boot(ENTROPY, default_keys().build())\n"
        "    print(target.qemu.process.pid, flush=True)\n"
        "    while True: target.exchange(bytes(8))\n"
        "finally:\n"
        "    target.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        os.killpg(running.pid, by)
        running.wait(30)
    for _ in range(1000):
        if gone(pid):
            return
        signal.sigtimedwait([], 0.01)
    pytest.fail(f"QEMU {pid} is left")


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match=r"setpriv is missing; install Debian's package util-linux"):
        open_target("qemu")
    with pytest.raises(TargetError, match=r"qemu-system-arm is missing; .* qemu-system-arm, or run `make setup-qemu`"):
        require()


def test_qemu_that_does_not_start_says_why(firmware: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "qemu-system-arm"
    broken.write_text("#!/bin/sh\necho 'qemu: warning: hm' >&2\necho 'qemu: unsupported machine type' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(TargetError, match=r"^qemu-system-arm does not start: qemu: unsupported machine type$"):
        QemuTarget(firmware)


def test_the_debug_build_runs_as_well() -> None:
    target = QemuTarget(default_firmware(build="debug"))
    try:
        assert Dut(target).exchange(UNKNOWN).status is Status.INVALID_TYPE
    finally:
        target.close()


def test_qemu_is_installed() -> None:
    assert shutil.which("qemu-system-arm"), "run `make setup-qemu`"

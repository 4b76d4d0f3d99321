# SPDX-License-Identifier: GPL-2.0-or-later
"""Both images together: jobs through the gateway to the service and back, and what happens when a task stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness import sealed_file
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage
from harness.targets.base import TargetError, TargetStopped
from harness.targets.gateway import GatewaySystem, gateway_beside
from harness.targets.host_port import JobCommand, Result

KEY = bytes(range(32))
KEYS = KeyImage((key_image.aes_slot(7, KEY),)).build()
ENTROPY = bytes(range(48))
UDF = b"\xff\xde"


@pytest.fixture
def system(firmware: Path) -> Iterator[GatewaySystem]:
    with GatewaySystem(firmware) as made:
        made.boot(ENTROPY, KEYS)
        yield made


def test_a_file_is_sealed_by_both_tasks(system: GatewaySystem) -> None:
    before = system.effort
    outcomes = [
        system.do(JobCommand.SEAL_BEGIN, key_id=7),
        system.do(JobCommand.SEAL_CHUNK, b"attack at dawn"),
        system.do(JobCommand.SEAL_END),
    ]
    assert {outcome.result for outcome in outcomes} == {Result.OK}
    assert sealed_file.open_sealed(KEY, b"".join(outcome.output for outcome in outcomes)) == b"attack at dawn"
    assert system.window_clean
    after = system.effort
    assert after.service_instructions > before.service_instructions
    assert after.gateway_instructions > before.gateway_instructions
    assert after.guest_seconds > before.guest_seconds
    assert after.instructions == after.service_instructions + after.gateway_instructions


def test_without_a_pace_the_client_waits_and_the_wait_takes_no_time(system: GatewaySystem) -> None:
    system.pace = 0
    results = [system.do(0x20, bytes(4)).status for _ in range(101)]
    assert set(results) == {Status.KEY_NOT_FOUND}
    assert system.now == table.RATE_COOLDOWN_US


def test_with_the_pace_nobody_waits(system: GatewaySystem) -> None:
    before = system.now
    for _ in range(300):
        assert system.do(0x20, bytes(4)).status is Status.KEY_NOT_FOUND
    assert system.now - before == 300 * table.RATE_INTERVAL_US


def test_boot_forgets(system: GatewaySystem) -> None:
    request = codec.aes_decrypt(7, b"n" * 12, b"", *_sealed(b"text"))[table.HEADER_SIZE :]
    assert system.do(table.AES_DECRYPT.code, request).output == b"text"
    assert system.do(table.AES_DECRYPT.code, request).status is Status.NONCE_REUSE
    system.boot(ENTROPY, KEYS)
    assert system.do(table.AES_DECRYPT.code, request).output == b"text"


def _sealed(text: bytes) -> tuple[bytes, bytes]:
    record = AESGCM(KEY).encrypt(b"n" * 12, text, b"")
    return record[:-16], record[-16:]


@pytest.mark.parametrize("task", ["service", "gateway"])
def test_a_task_that_faults_is_one_clear_exception(system: GatewaySystem, task: str) -> None:
    """An undefined instruction where the task goes on after its sleep."""
    made = system.system.tasks[task]
    system.system.write(made.cpu.registers().pc, UDF)
    made.cpu.forget_translations()
    with pytest.raises(TargetStopped, match=rf"(?s)task {task}: undefined instruction.*call chain"):
        system.do(0x20, bytes(4))


def test_mistakes_of_the_host(system: GatewaySystem, firmware: Path, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="47 bytes of entropy: give 48"):
        system.boot(bytes(47), KEYS)
    with pytest.raises(TargetError, match="does not fit"):
        system.boot(ENTROPY, bytes(table.KEY_STORAGE_SIZE + 1))
    with pytest.raises(TargetError, match="65537 bytes does not fit the host port"):
        system.do(JobCommand.SEAL_CHUNK, bytes(65537))
    alone = tmp_path / "service.elf"
    alone.write_bytes(firmware.read_bytes())
    with pytest.raises(TargetError, match=r"gateway\.elf: no such firmware image"):
        GatewaySystem(alone)
    GatewaySystem(alone, gateway=gateway_beside(firmware)).close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases of the client side rely on: jobs watched turn by turn, and guests that stop as broken contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import sealed_file
from harness.conformance.dut import ContractViolation
from harness.conformance.support import KEYS
from harness.conformance.support_client import MLKEM_KEYGEN, Gateway, judged_firmware
from harness.default_keys import AES_KEY_ID
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget
from harness.targets.gateway import GatewaySystem
from harness.targets.host_port import Result
from harness.targets.model import ModelTarget


@pytest.fixture
def gateway(firmware: Path) -> Iterator[Gateway]:
    with GatewaySystem(firmware) as system:
        yield Gateway(system)


def test_a_watched_job_ends_as_any_other(gateway: Gateway) -> None:
    outcome, tries = gateway.watch(MLKEM_KEYGEN, bytes(4))
    assert outcome == gateway.do(MLKEM_KEYGEN, bytes(4))
    assert [attempt.request for attempt in tries] == [codec.mlkem_keygen(0)]


def test_refusals_are_as_many_as_asked_for(gateway: Gateway) -> None:
    gateway.exhaust()
    outcome, tries = gateway.watch(MLKEM_KEYGEN, bytes(4), refusals=2)
    assert (outcome.status, len(tries)) == (Status.KEY_NOT_FOUND, 3)


def test_files_go_both_ways(gateway: Gateway) -> None:
    file = gateway.seal(AES_KEY_ID, b"text")
    assert sealed_file.open_sealed(KEYS[AES_KEY_ID], file) == b"text"
    assert gateway.open(file).plaintext == b"text"
    assert gateway.open(file[:20]).result is Result.TRUNCATED
    with pytest.raises(ContractViolation, match="sealing: REFUSED, KEY_NOT_FOUND"):
        gateway.seal(0x7777, b"")


@pytest.mark.parametrize("watched", [False, True])
def test_a_task_that_stops_breaks_the_contract(gateway: Gateway, watched: bool) -> None:
    task = gateway.system.system.tasks["service"]
    gateway.system.system.write(task.cpu.registers().pc, b"\xff\xde")
    task.cpu.forget_translations()
    job = gateway.watch if watched else gateway.do
    with pytest.raises(ContractViolation, match="task service: undefined instruction"):
        job(MLKEM_KEYGEN, bytes(4))


def test_targets_without_both_images_are_skipped(firmware: Path, tmp_path: Path, emulated: EmulatedTarget) -> None:
    assert judged_firmware(emulated).image == firmware
    with pytest.raises(pytest.skip.Exception, match="lacks the capability tasks"):
        judged_firmware(ModelTarget())
    alone = tmp_path / "service.elf"
    alone.write_bytes(firmware.read_bytes())
    target = EmulatedTarget(alone)
    try:
        with pytest.raises(pytest.skip.Exception, match=r"no gateway\.elf beside service\.elf"):
            judged_firmware(target)
    finally:
        target.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as a task: it answers like the target without tasks, and orders reach the other task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.targets.base import TargetError, TargetStopped
from harness.targets.opening import default_hostile
from harness.targets.tasks import Attack, TasksTarget


@pytest.fixture
def tasks(firmware: Path) -> Iterator[TasksTarget]:
    gateway = load_image(default_hostile("gateway"), AN386, AN386.gateway)
    target = TasksTarget(AN386, load_image(firmware, AN386), gateway)
    yield target
    target.close()


def test_the_service_answers_what_the_model_says(tasks: TasksTarget) -> None:
    dut = Dut(tasks)
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"text")
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag).payload == b"text"
    dut.boot()
    assert dut.seal(AES_KEY_ID, b"text")[0] == nonce, "the same entropy, the same draws"
    dut.keys.corrupt(AES_KEY_ID)
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.KEY_NOT_FOUND


def test_an_order_is_carried_out_once(tasks: TasksTarget) -> None:
    dut = Dut(tasks)
    tasks.order(Attack.READ, AN386.window.base)
    dut.aes_encrypt(AES_KEY_ID)
    assert (tasks.orders_done, tasks.reports) == (1, [])
    tasks.order(Attack.READ, AN386.key_storage.base)
    dut.aes_encrypt(AES_KEY_ID)
    (report,) = tasks.reports
    assert (report.task, tasks.orders_done) == ("gateway", 1)
    tasks.restart("gateway")
    assert (tasks.reports, tasks.orders_done) == ([], 0)


def test_a_service_that_is_stopped_is_told(tasks: TasksTarget) -> None:
    dut = Dut(tasks)
    service = tasks.system.tasks["service"]
    service.cpu.set_registers({"pc": AN386.window.base})
    service.state = "running"
    with pytest.raises(TargetStopped, match="task service: execution not granted at 0x21810000"):
        tasks.exchange(bytes(8))
    service.state = "faulted"
    tasks.reports.clear()
    with pytest.raises(TargetStopped, match="not answered"):
        tasks.exchange(bytes(8))
    dut.boot()
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.SUCCESS


def test_what_does_not_fit_is_refused(tasks: TasksTarget) -> None:
    with pytest.raises(TargetError, match="u64"):
        tasks.set_clock(-1)
    with pytest.raises(TargetError, match="does not fit"):
        tasks.write_key_image(bytes(table.KEY_STORAGE_SIZE + 1))

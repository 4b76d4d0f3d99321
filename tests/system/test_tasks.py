# SPDX-License-Identifier: GPL-2.0-or-later
"""The real service beside another task: the smallest client rings, the service answers, and neither needs the host."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from emulator.l4.ping_pong import caller, doorbells
from emulator.l4.system import System
from emulator.stop import Fault
from harness.protocol.commands import WINDOW_REQUEST_DOORBELL, WINDOW_RESPONSE, WINDOW_RESPONSE_DOORBELL, Status
from harness.targets.emulated import BOOT_BUDGET

RESPONSE_MAGIC = 0xC8


@pytest.fixture
def system(firmware: Path) -> Iterator[System]:
    images = {"service": load_image(firmware, AN386), "gateway": caller(AN386)}
    made = System(AN386, images, doorbells(AN386))
    yield made
    made.close()


def test_the_doorbells_are_where_the_contract_has_them() -> None:
    offsets = [signal.address - AN386.window.base for signal in doorbells(AN386)]
    assert offsets == [WINDOW_REQUEST_DOORBELL, WINDOW_RESPONSE_DOORBELL]


def test_the_service_answers_another_task(system: System) -> None:
    """The client's request is all zero: its header is invalid, until the bucket of tokens is empty."""
    outcome = system.run(BOOT_BUDGET, turns=2 + 2 * 100)
    assert outcome.reports == ()
    assert struct.unpack("<II", system.read(AN386.window.base, 8)) == (101, 100)
    response = AN386.window.base + WINDOW_RESPONSE
    assert system.read(response, 8) == bytes((RESPONSE_MAGIC, 1, Status.INVALID_HEADER, 0, 0, 0, 0, 0))
    system.run(BOOT_BUDGET, turns=2)
    assert system.read(response, 3)[2] == Status.RATE_LIMITED


def test_the_service_survives_its_client(system: System) -> None:
    system.run(BOOT_BUDGET, turns=10)
    service, gateway = system.tasks["service"], system.tasks["gateway"]
    gateway.cpu.set_registers({"r0": AN386.key_storage.base})
    gateway.state = "running"
    outcome = system.run(BOOT_BUDGET)
    assert (outcome.why, [report.task for report in outcome.reports]) == ("quiet", ["gateway"])
    (report,) = outcome.reports
    assert isinstance(report.stop, Fault)
    assert (report.stop.kind, report.stop.address) == ("read not granted", AN386.key_storage.base + 4)
    (rung,) = struct.unpack("<I", system.read(AN386.window.base, 4))
    system.write(AN386.window.base, struct.pack("<I", rung + 1))
    assert system.run(BOOT_BUDGET).reports == ()
    assert system.read(AN386.window.base + 4, 4) == struct.pack("<I", rung + 1)
    assert (service.state, gateway.state) == ("idle", "faulted")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture is of tasks that ran: of both images where there are both, of the service alone where not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError
from emulator.image import load_image
from harness.conformance.picture import running_tasks
from harness.targets.gateway import GATEWAY_IMAGE


@pytest.fixture
def alone(firmware: Path, tmp_path: Path) -> Path:
    """The service's image with nothing beside it."""
    return Path(shutil.copy(firmware, tmp_path))


def states(firmware: Path) -> dict[str, str]:
    return {task.name: task.state for task in running_tasks(firmware, AN386.name)}


def test_both_tasks_with_what_the_board_grants_them(firmware: Path) -> None:
    tasks = running_tasks(firmware, AN386.name)
    assert states(firmware) == {"service": "idle", "gateway": "idle"}
    for task in tasks:
        assert set(task.grants) == set(AN386.grants(AN386.task(task.name)))


def test_the_service_alone(alone: Path) -> None:
    assert states(alone) == {"service": "idle"}


def test_a_gateway_that_is_none(alone: Path) -> None:
    alone.with_name(GATEWAY_IMAGE).write_bytes(b"\x7fELF, not")
    assert states(alone) == {"service": "idle"}


def test_a_service_that_does_not_come_up_is_shown_as_it_stopped(alone: Path) -> None:
    image = load_image(alone, AN386)
    reset = image.symbols["reset"].address & ~1
    segment = next(s for s in image.segments if s.virtual_address <= reset < s.virtual_address + len(s.data))
    content = bytearray(alone.read_bytes())
    at = content.index(segment.data) + reset - segment.virtual_address
    content[at : at + 2] = b"\x00\xde"  # UDF
    alone.write_bytes(content)
    assert states(alone) == {"service": "faulted"}


def test_an_unusable_service_is_an_error(alone: Path) -> None:
    alone.write_bytes(b"no ELF")
    with pytest.raises(EmulatorError, match=r"service\.elf"):
        running_tasks(alone, AN386.name)

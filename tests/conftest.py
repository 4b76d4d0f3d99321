# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests share: the built images and a machine that runs one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from emulator.machine import Machine
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def firmware() -> Path:
    """The release image; `make test` has built it."""
    path = default_firmware()
    assert path.is_file(), "run `make firmware` first"
    return path


@pytest.fixture
def machine(firmware: Path) -> Iterator[Machine]:
    """A machine with the release image, at power-on."""
    made = Machine(AN386, load_image(firmware, AN386))
    yield made
    made.close()


@pytest.fixture
def emulated(firmware: Path) -> Iterator[EmulatedTarget]:
    """The emulated target, not booted."""
    target = EmulatedTarget(firmware)
    yield target
    target.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices over memory of the test's own, and broken images."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from harness.default_keys import ENTROPY, default_keys
from harness.serve.device import Device, DeviceOptions

UNDEFINED = b"\x00\xde"  # udf
FOR_EVER = b"\xfe\xe7"  # b .


@pytest.fixture
def options(firmware: Path) -> DeviceOptions:
    """The release image with the default keys and entropy, and the paced clock."""
    return DeviceOptions(AN386, load_image(firmware, AN386), default_keys().build(), ENTROPY, "paced")


@pytest.fixture
def memory() -> memoryview:
    """A window."""
    return memoryview(mmap.mmap(-1, AN386.window.size))


@pytest.fixture
def device(options: DeviceOptions, memory: memoryview) -> Iterator[Device]:
    """Booted."""
    made = Device(options, memory)
    made.boot()
    yield made
    made.close()


@pytest.fixture
def broken(firmware: Path, tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Returns broken(function, instruction): the release image with this instruction at the function's beginning."""

    def make(function: str, instruction: bytes) -> Path:
        image, content = load_image(firmware, AN386), bytearray(firmware.read_bytes())
        address = image.symbols[function].address & ~1
        segment = next(each for each in image.segments if each.load_address <= address < each.load_end)
        begin = address - segment.load_address
        offset = content.index(segment.data[begin : begin + 64])
        content[offset : offset + len(instruction)] = instruction
        path = tmp_path / f"broken-{function}.elf"
        path.write_bytes(content)
        return path

    return make

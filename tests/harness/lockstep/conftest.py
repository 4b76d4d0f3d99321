# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware with one instruction changed, and targets to run it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import capstone
import pytest

from emulator.board import AN386
from emulator.image import Image, load_image
from harness.default_keys import ENTROPY, default_keys
from harness.differential.actions import Action, SetClock, Start
from harness.lockstep.scene import Scene
from harness.lockstep.verdict import LockStep, lock_step
from harness.targets.base import SteppableTarget, Target
from harness.targets.model import ModelTarget

START = Start(ENTROPY, default_keys().build())


@pytest.fixture
def opened() -> Iterator[Callable[[type, Path], SteppableTarget]]:
    """Opens targets, and closes them."""
    targets: list[Target] = []

    def opening(kind: type, path: Path) -> SteppableTarget:
        targets.append(kind(path))
        return targets[-1]  # type: ignore[return-value]

    yield opening
    for target in targets:
        target.close()


@pytest.fixture
def image(firmware: Path) -> Image:
    return load_image(firmware, AN386)


@pytest.fixture
def instructions(image: Image) -> Callable[[str], list[capstone.CsInsn]]:
    """All of a function."""

    def disassemble(function: str) -> list[capstone.CsInsn]:
        symbol = image.symbols[function]
        segment = image.segments[0]
        code = segment.data[(symbol.address & ~1) - segment.virtual_address :][: symbol.size]
        decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
        return list(decoder.disasm(code, symbol.address & ~1))

    return disassemble


@pytest.fixture
def movs(instructions: Callable[[str], list[capstone.CsInsn]]) -> Callable[[str], list[capstone.CsInsn]]:
    """Those of a function that load a constant."""
    return lambda function: [i for i in instructions(function) if i.mnemonic == "movs" and "#" in i.op_str]


@pytest.fixture
def patched(image: Image, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the firmware in which one instruction is another: a constant's has another constant."""

    def patch(at: capstone.CsInsn, code: bytes | None = None) -> Path:
        code = bytes([at.bytes[0] ^ 1, at.bytes[1]]) if code is None else code
        assert len(code) == at.size
        contents = bytearray(image.path.read_bytes())
        section = image.section(".text")
        assert section is not None
        offset = section.offset + at.address - section.address
        assert contents[offset : offset + at.size] == at.bytes
        contents[offset : offset + at.size] = code
        path = tmp_path / "service.elf"
        path.write_bytes(contents)
        return path

    return patch


@pytest.fixture
def step_both(image: Image) -> Callable[..., LockStep]:
    """Lock-step of two targets with a request, 100 ms behind their boot."""

    def step(left: Target, right: Target, request: bytes, *before: Action) -> LockStep:
        return lock_step(left, right, ModelTarget(), image, Scene(START, (SetClock(100_000), *before), request))

    return step

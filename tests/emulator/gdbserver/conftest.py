# SPDX-License-Identifier: GPL-2.0-or-later
"""What the debugger's tests share: guests of a few instructions, and the two smallest tasks."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from emulator.board import AN386
from emulator.gdbserver.timeline import Timeline
from emulator.image import BuildInfo, Image, Segment
from emulator.l4.ping_pong import ping_pong
from emulator.l4.scheduler import Signal
from emulator.l4.system import System

CODE = AN386.code.base + 8  # where a guest's instructions begin

Guest = Callable[..., Timeline]
GuestSystem = Callable[..., System]


def guest_image(code: tuple[int, ...]) -> Image:
    """A vector table and these halfwords behind it."""
    task = AN386.service
    data = struct.pack("<II", task.stack.end, CODE | 1) + struct.pack(f"<{len(code)}H", *code)
    return Image(
        path=Path("guest"),
        sha256=hashlib.sha256(data).hexdigest(),
        entry=CODE,
        segments=(Segment(task.code.base, task.code.base, data, len(data), "rx"),),
        sections=(),
        symbols=MappingProxyType({}),
        all_symbols=(),
        build=BuildInfo((), None),
        contents=b"",
    )


@pytest.fixture
def guest_system() -> Iterator[GuestSystem]:
    """Returns guest_system(*halfwords, **registers): that code as the service, woken by the window's first word."""
    made: list[System] = []

    def make(*code: int, **registers: int) -> System:
        made.append(System(AN386, {"service": guest_image(code)}, (Signal("service", AN386.window.base),)))
        made[-1].tasks["service"].cpu.set_registers(registers)
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def guest(guest_system: GuestSystem) -> Iterator[Guest]:
    """Returns guest(*halfwords, **registers): the life of such a system."""
    made: list[Timeline] = []

    def make(*code: int, **registers: int) -> Timeline:
        made.append(Timeline(guest_system(*code, **registers)))
        return made[-1]

    yield make
    for timeline in made:
        timeline.close()


@pytest.fixture
def two_tasks() -> Iterator[Timeline]:
    """A caller that rings for ever, and an answerer."""
    timeline = Timeline(ping_pong(AN386))
    yield timeline
    timeline.close()
    timeline.system.close()

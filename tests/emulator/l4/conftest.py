# SPDX-License-Identifier: GPL-2.0-or-later
"""Systems of two tasks, made from the guests in ../guests by the real toolchain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import Image, load_image
from emulator.l4.scheduler import Signal
from emulator.l4.system import System

GUESTS = Path(__file__).parent.parent / "guests"
# The tasks' parts of the window; the first word of each is the task's doorbell (guests/task.h).
ORDERS = {"service": AN386.window.base + 0x100, "gateway": AN386.window.base + 0x200}

Images = dict[str, Image]


@pytest.fixture(scope="session")
def build_pair(build_elf: Callable[..., Path]) -> Callable[[str], Images]:
    """Returns build(guest): one source of ../guests as the images of both tasks."""

    def build(guest: str) -> Images:
        sources = {"main.c": (GUESTS / guest).read_text(), "task.h": (GUESTS / "task.h").read_text()}
        service = build_elf(sources, "-Wno-infinite-recursion")
        gateway = build_elf(sources, "-DGATEWAY", "-DCALLER", "-Wno-infinite-recursion", task=AN386.gateway)
        return {
            "service": load_image(service, AN386),
            "gateway": load_image(gateway, AN386, AN386.gateway),
        }

    return build


@pytest.fixture(scope="session")
def hostile_images(build_pair: Callable[[str], Images]) -> Images:
    return build_pair("hostile.c")


@pytest.fixture(scope="session")
def waiting_images(build_pair: Callable[[str], Images]) -> Images:
    return build_pair("waiting.c")


@pytest.fixture(scope="session")
def ping_pong_images(build_pair: Callable[[str], Images]) -> Images:
    return build_pair("ping_pong.c")


@pytest.fixture(scope="module")
def _hostile(hostile_images: Images) -> Iterator[System]:
    made = System(AN386, hostile_images, [Signal(task, address) for task, address in ORDERS.items()])
    yield made
    made.close()


@pytest.fixture
def hostile(_hostile: System) -> System:
    """Both tasks hostile, waiting for orders."""
    _hostile.reset()
    assert _hostile.run(10_000).why == "quiet"
    return _hostile


@pytest.fixture
def waiting(waiting_images: Images) -> Iterator[System]:
    """Both tasks waiting, at power-on."""
    made = System(AN386, waiting_images, [Signal(task, address) for task, address in ORDERS.items()])
    yield made
    made.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The product of 64 bits on a core without an instruction for it: right, and without a branch (SEC-2)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from emulator.board import AN383
from emulator.calls import Calls
from emulator.image import load_image
from emulator.machine import Machine
from harness.targets.opening import default_firmware

WORD, DOUBLE = 1 << 32, 1 << 64
EDGES = (0, 1, 0xFFFF, 0x1_0000, WORD - 1, WORD, DOUBLE - 1, 1 << 63, 0xFFFF_0000_FFFF_0000, 0x8000_8000_8000_8000)


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    path = default_firmware(AN383.name)
    assert path.is_file(), "run `make boards` first"
    machine = Machine(AN383, load_image(path, AN383))
    yield Calls(machine)
    machine.close()


def multiply(calls: Calls, a: int, b: int) -> int:
    low = calls.call("__aeabi_lmul", a % WORD, a // WORD, b % WORD, b // WORD)
    return low | calls._machine.cpu.registers().r1 << 32


def test_products_are_those_of_whole_numbers(calls: Calls) -> None:
    random = Random(5)
    pairs = [(a, b) for a in EDGES for b in EDGES]
    pairs += [(random.getrandbits(64), random.getrandbits(64)) for _ in range(300)]
    for a, b in pairs:
        assert multiply(calls, a, b) == a * b % DOUBLE, f"{a:#x} * {b:#x}"


def test_every_product_takes_as_many_instructions(calls: Calls) -> None:
    counts = set()
    for a in EDGES:
        multiply(calls, a, 0xFFFF_FFFF)
        counts.add(calls.instructions)
    assert len(counts) == 1

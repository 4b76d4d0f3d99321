# SPDX-License-Identifier: GPL-2.0-or-later
"""The two smallest tasks do what the same two do when the compiler makes them, turn by turn."""

from __future__ import annotations

import struct

import pytest

from emulator.board import AN386
from emulator.image import Image
from emulator.l4.ping_pong import INSTRUCTIONS_PER_ROUND, doorbells, ping_pong
from emulator.l4.system import System


def doorbell_values(system: System) -> tuple[int, int]:
    request, response = struct.unpack("<II", system.read(AN386.window.base, 8))
    return request, response


@pytest.mark.parametrize("rounds", [1, 2, 100])
def test_hand_assembled_and_compiled_tasks_agree(ping_pong_images: dict[str, Image], rounds: int) -> None:
    by_hand = ping_pong(AN386)
    compiled = System(AN386, ping_pong_images, doorbells(AN386))
    try:
        for system in (by_hand, compiled):
            # The service comes up with its first turn, and the gateway rings with its own.
            outcome = system.run(1000, turns=2 + 2 * rounds)
            assert (outcome.why, outcome.turns, outcome.reports) == ("turns", 2 + 2 * rounds, ())
            assert doorbell_values(system) == (rounds + 1, rounds)
    finally:
        by_hand.close()
        compiled.close()


def test_a_round_is_two_turns_of_few_instructions() -> None:
    system = ping_pong(AN386)
    try:
        system.run(1000, turns=10)
        assert sum(task.cpu.instructions for task in system.tasks.values()) == INSTRUCTIONS_PER_ROUND
    finally:
        system.close()

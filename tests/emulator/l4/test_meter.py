# SPDX-License-Identifier: GPL-2.0-or-later
"""A meter sums what a task executes."""

from __future__ import annotations

import time

from emulator.board import AN386
from emulator.l4.ping_pong import INSTRUCTIONS_PER_ROUND, ping_pong

ROUNDS = 200


def test_instructions_and_seconds_of_both_tasks() -> None:
    system = ping_pong(AN386)
    try:
        system.run(1000, turns=2)
        meters = [task.measure() for task in system.tasks.values()]
        assert [(meter.instructions, meter.seconds) for meter in meters] == [(0, 0.0), (0, 0.0)]
        begin = time.perf_counter()
        system.run(1000, turns=2 * ROUNDS)
        passed = time.perf_counter() - begin
        assert sum(meter.instructions for meter in meters) == ROUNDS * INSTRUCTIONS_PER_ROUND
        assert 0 < sum(meter.seconds for meter in meters) < passed
    finally:
        system.close()


def test_a_new_meter_begins_at_zero() -> None:
    system = ping_pong(AN386)
    try:
        task = system.tasks["gateway"]
        first = task.measure()
        system.run(1000, turns=20)
        counted = first.instructions
        second = task.measure()
        system.run(1000, turns=20)
        assert first.instructions == counted > 0
        assert second.instructions > 0
    finally:
        system.close()

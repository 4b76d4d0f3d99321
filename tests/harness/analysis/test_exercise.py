# SPDX-License-Identifier: GPL-2.0-or-later
"""The rounds reach every operation and every status of it, and find nothing in the firmware."""

from __future__ import annotations

from harness.analysis.exercise import ENTROPY, ROUNDS, exercise, keys
from harness.model import Model
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget


def test_the_rounds_reach_what_there_is() -> None:
    seen: set[tuple[int, Status]] = set()
    for play in ROUNDS.values():
        model, now = Model(ENTROPY, keys().build()), 0

        def ask(request: bytes, model: Model = model) -> Response:
            nonlocal now
            now += 1000
            response = model.exchange(request, now)
            seen.add((request[2], response.status))
            return response

        play(ask)
    assert {code for code, status in seen if status is Status.SUCCESS} == set(table.BY_CODE)
    assert {status for _code, status in seen} == set(Status) - {Status.RATE_LIMITED}


def test_the_firmware_leaves_nothing_and_reads_once(emulated: EmulatedTarget) -> None:
    requests, findings = exercise(emulated)
    assert requests > 100
    assert findings == ()
    assert emulated.run == emulated.machine.run

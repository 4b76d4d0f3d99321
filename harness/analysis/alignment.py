# SPDX-License-Identifier: GPL-2.0-or-later
"""Unaligned accesses that hardware would trap and the engine lets pass: a round through every operation, each access
looked at.

A core of ARMv6-M traps every unaligned access, in the engine too, so that its image has to answer at all; what else the
engine does not trap is in `emulator.engine_facts.alignment`.
"""

from __future__ import annotations

from pathlib import Path

from harness.analysis.error import AnalysisError
from harness.analysis.exercise import ENTROPY, ROUNDS, keys
from harness.model import Model
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import TargetStopped
from harness.targets.emulated import EmulatedTarget


def first_unaligned(firmware: Path, board_name: str) -> tuple[int, str]:
    """Requests answered with every access checked, and the fault's first line, empty where there was none.

    Raises AnalysisError for an image that does not answer as the model predicts, or that stops for another reason.
    """
    target = EmulatedTarget(firmware, board_name)
    try:
        if not target.board.processor.traps_unaligned:
            target.machine.cpu.check_alignment()
        return _play(target)
    finally:
        target.close()


def _play(target: EmulatedTarget) -> tuple[int, str]:
    image, now, requests = keys().build(), 0, 0

    def ask(request: bytes) -> Response:
        nonlocal now, requests
        now += table.RATE_INTERVAL_US
        target.set_clock(now)
        expected = model.exchange(request, now)
        if target.exchange(request) != expected:
            raise AnalysisError(
                f"request {requests + 1} is not answered as the contract has it; run `hil conform` first"
            )
        requests += 1
        return expected

    try:
        for play in ROUNDS.values():
            model = Model(ENTROPY, image)
            now = 0
            target.set_clock(now)
            target.boot(ENTROPY, image)
            play(ask)
    except TargetStopped as stopped:
        text = stopped.description.splitlines()[0]
        if "unaligned access" not in text:
            raise AnalysisError(f"{text}; run `hil conform` first") from None
        return requests, text
    return requests, ""

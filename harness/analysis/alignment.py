# SPDX-License-Identifier: GPL-2.0-or-later
"""Unaligned accesses that hardware would trap and the engine lets pass: a round through every operation, each access
looked at.

A core of ARMv6-M traps every unaligned access, in the engine too, so that its image has to answer at all; what else the
engine does not trap is in `emulator.engine_facts.alignment`.
"""

from __future__ import annotations

from pathlib import Path

from harness.analysis.error import AnalysisError
from harness.analysis.exercise import Player
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
    player = Player(target)
    try:
        for _ in player.play():
            pass
    except TargetStopped as stopped:
        text = stopped.description.splitlines()[0]
        if "unaligned access" not in text:
            raise AnalysisError(f"{text}; run `hil conform` first") from None
        return player.answered, text
    return player.answered, ""

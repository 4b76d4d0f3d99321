# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures that the project promises: ratios to a baseline of the same run, or exact instruction counts."""

from __future__ import annotations

from pathlib import Path

from harness.bench.figure import Figure
from harness.bench.instructions import aes_instructions, mldsa_instructions, mldsa_memory, mlkem_instructions
from harness.bench.sealing import sealing_share
from harness.bench.times import exchange_times, guest_speed, task_switch
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

__all__ = ["Figure", "run_bench"]


def run_bench(firmware: Path | None = None, board_name: str = DEFAULT_BOARD) -> tuple[Figure, ...]:
    """Every figure, on a release image."""
    path = firmware or default_firmware(board_name)
    return (
        *aes_instructions(path, board_name),
        *mlkem_instructions(path, board_name),
        *mldsa_instructions(path, board_name),
        mldsa_memory(path, board_name),
        *exchange_times(path, board_name),
        task_switch(board_name),
        guest_speed(path, board_name),
        sealing_share(path, board_name),
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures that the project promises: ratios to a baseline of the same run, exact instruction counts, and rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.bench.device import device_round_trip
from harness.bench.differential import native_diff_rate
from harness.bench.engines import engine_figures
from harness.bench.figure import Figure
from harness.bench.fuzzing import fuzzing_figures
from harness.bench.instructions import aes_instructions, mldsa_instructions, mldsa_memory, mlkem_instructions
from harness.bench.remote import qemu_figures
from harness.bench.sealing import sealing_share
from harness.bench.times import exchange_times, guest_speed, task_switch
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

__all__ = ["PARTS", "Figure", "run_bench"]


def _instructions(path: Path, board_name: str) -> tuple[Figure, ...]:
    return (
        *aes_instructions(path, board_name),
        *mlkem_instructions(path, board_name),
        *mldsa_instructions(path, board_name),
        mldsa_memory(path, board_name),
    )


def _times(path: Path, board_name: str) -> tuple[Figure, ...]:
    return (
        *exchange_times(path, board_name),
        task_switch(board_name),
        guest_speed(path, board_name),
        sealing_share(path, board_name),
        *device_round_trip(path, board_name),
    )


def _native(_path: Path, _board_name: str) -> tuple[Figure, ...]:
    return (native_diff_rate(),)


PARTS: Final[Mapping[str, Callable[[Path, str], tuple[Figure, ...]]]] = {
    "instructions": _instructions,
    "times": _times,
    "engines": engine_figures,
    "fuzzing": fuzzing_figures,
    "native": _native,
    "qemu": qemu_figures,
}


def run_bench(
    firmware: Path | None = None, board_name: str = DEFAULT_BOARD, parts: Sequence[str] = tuple(PARTS)
) -> tuple[Figure, ...]:
    """The figures of the named PARTS, on a release image."""
    path = firmware or default_firmware(board_name)
    return tuple(figure for part in parts for figure in PARTS[part](path, board_name))

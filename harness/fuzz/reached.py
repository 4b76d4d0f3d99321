# SPDX-License-Identifier: GPL-2.0-or-later
"""What inputs reach of an image: basic blocks and the ways between them, and answers by operation and status."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulator.coverage import CoverageRecorder
from emulator.coverage_data import CoverageData
from emulator.cpu import ffi, lib
from emulator.image import Image
from harness.fuzz.engine import Stats, reached_text
from harness.fuzz.executor import Executor, Verdict
from harness.targets.base import TargetError
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

_TYPES: Final = 256
_STATUSES: Final = int(lib.EXECUTOR_STATUSES)


@dataclass(frozen=True, slots=True)
class Reached:
    """`answers` counts by name of operation and of status; `failed` are the inputs that the executor finds wrong."""

    image: Image
    data: CoverageData
    inputs: int
    answers: dict[str, dict[str, int]]
    failed: tuple[bytes, ...]


def run_corpus(scripts: Iterable[bytes], firmware: Path | None, board: str) -> Reached:
    """Run each input once, behind one boot, which counts too.

    Raises TargetError without an image, EmulatorError or TargetStopped for one that does not start.
    """
    path = firmware or default_firmware(board)
    if not path.is_file():
        raise TargetError(f"{path}: no such firmware image; build it with `make firmware` or name one with --firmware")
    recorder = CoverageRecorder()
    counts = ffi.new("uint64_t[]", _TYPES * _STATUSES)
    failed: list[bytes] = []
    inputs = 0
    target = EmulatedTarget(path, board)
    with closing(target):
        with recorder.watch(target.machine.task):  # it ends before the machine does
            executor = Executor(target)
            executor.count_into(int(ffi.cast("uintptr_t", counts)))
            for script in scripts:
                inputs += 1
                if executor.run(script) is not Verdict.PASS:
                    failed.append(script)
        executor.close()
    seen = tuple((*divmod(place, _STATUSES), int(count)) for place, count in enumerate(counts) if count)
    answers = reached_text(Stats(reached=seen))
    return Reached(target.image, recorder.data(target.image), inputs, answers, tuple(failed))

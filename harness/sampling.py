# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a run spends its time: a timer interrupts it a thousand times a second and looks at what it is in.

A timer and no thread: a thread would be let in mostly while the engine runs, and flatter it.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_SECONDS = 0.001

_ROOT = Path(__file__).resolve().parents[1]
# The innermost frame of ours decides: time in the engine or in the crypto library is its caller's.
_PARTS = {
    str(_ROOT / "emulator"): "emulator",
    str(_ROOT / "harness" / "model"): "model",
}


class Sampler:
    """Use as a context manager round the work to be measured, in the main thread."""

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()

    def __enter__(self) -> Sampler:
        self._before = signal.signal(signal.SIGALRM, self._sample)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_SECONDS, INTERVAL_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def shares(self) -> dict[str, float]:
        """Part of the program -> share of the time, 0 to 1: `emulator`, `model` (its crypto), `harness` (the rest)."""
        total = sum(self.samples.values()) or 1
        return {part: self.samples[part] / total for part in ("emulator", "model", "harness")}

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        self.samples[_part(frame)] += 1


def _part(frame: FrameType | None) -> str:
    """The part that owns the frame, or the part that called into a library from there."""
    inner = frame
    while inner is not None:
        name = inner.f_code.co_filename
        for folder, part in _PARTS.items():
            if name.startswith(folder):
                return part
        if "cryptography" not in name and "unicorn" not in name:
            break
        inner = inner.f_back
    return "harness"

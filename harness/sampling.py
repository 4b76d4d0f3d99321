# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a run spends its time: a timer interrupts it a thousand times a second and looks at what it is in.

A timer and no thread: a thread would be let in mostly while the engine runs, and flatter it. Ticks that fall into one
long call of the engine come as one, at its end; so a sample counts for all the time since the one before.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
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
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = 0.0

    def __enter__(self) -> Sampler:
        self._last = time.perf_counter()
        self._before = signal.signal(signal.SIGALRM, self._sample)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_SECONDS, INTERVAL_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def shares(self) -> dict[str, float]:
        """Part of the program -> share of the time, 0 to 1: `emulator`, `model` (its crypto), `harness` (the rest)."""
        total = sum(self.seconds.values()) or 1.0
        return {part: self.seconds[part] / total for part in ("emulator", "model", "harness")}

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        self.seconds[_part(frame)] += now - self._last
        self._last = now


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

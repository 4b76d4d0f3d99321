# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a run spends its time: a thread samples what the main thread is in, a thousand times a second."""

from __future__ import annotations

import sys
import threading
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
    """Use as a context manager round the work to be measured, in the thread that does the work."""

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()
        self._worker = threading.get_ident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def shares(self) -> dict[str, float]:
        """Part of the program -> share of the time, 0 to 1: `emulator`, `model` (its crypto), `harness` (the rest)."""
        total = sum(self.samples.values()) or 1
        return {part: self.samples[part] / total for part in ("emulator", "model", "harness")}

    def _sample(self) -> None:
        while not self._done.wait(INTERVAL_SECONDS):
            frame = sys._current_frames().get(self._worker)
            if frame is not None:
                self.samples[_part(frame)] += 1


def _part(frame: FrameType) -> str:
    """The part that owns the frame, or the part that called into a library from there."""
    inner: FrameType | None = frame
    while inner is not None:
        name = inner.f_code.co_filename
        for folder, part in _PARTS.items():
            if name.startswith(folder):
                return part
        if "cryptography" not in name and "unicorn" not in name:
            break
        inner = inner.f_back
    return "harness"

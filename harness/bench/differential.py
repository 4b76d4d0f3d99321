# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the differential loop is where the target costs least: refused requests on the native build."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Final

from harness.bench.figure import Figure
from harness.differential.refused import RefusedRequests
from harness.differential.session import run_diff
from harness.targets.base import TargetError
from harness.targets.model import ModelTarget
from harness.targets.native import NativeTarget
from harness.targets.opening import default_native

REQUESTS: Final = 20_000
ROUNDS: Final = 7
GOAL: Final = 20_000


def native_diff_rate(library: Path | None = None, requests: int = REQUESTS) -> Figure:
    """Requests a second of `hil diff --target native --refused`, boots included; median over ROUNDS.

    Raises TargetError without the library, or when it does not answer as the model does.
    """
    native = NativeTarget(library or default_native())
    rates = []
    try:
        for seed in range(1, ROUNDS + 1):
            began = time.perf_counter()
            result = run_diff(ModelTarget(), native, requests, seed, episodes=RefusedRequests)
            rates.append(requests / (time.perf_counter() - began))
            if result.first is not None:
                raise TargetError(f"the native build differs from the model: {result.first.verdict}")
    finally:
        native.close()
    return Figure("refused requests, hil diff on native", median(rates), "requests/s", "", None, GOAL, "least")

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the sanitizers cost: at most six times the guest instructions of the release build, whatever the operation."""

from __future__ import annotations

import pytest

from harness.analysis.cost import firmware_by_build, measure_boot, measure_cost
from harness.analysis.workloads import Workload, workloads

LIMIT = 6


@pytest.mark.parametrize("load", workloads(), ids=lambda load: f"{load.command.name} {load.parameter_set}")
def test_an_operation_costs_at_most_six_times_as_much(load: Workload) -> None:
    release, sanitized = measure_cost(firmware_by_build(("release", "sanitize")), seeds=1, loads=(load,))
    assert release.median < sanitized.median <= LIMIT * release.median


def test_so_does_the_start() -> None:
    release, sanitized = measure_boot(firmware_by_build(("release", "sanitize")))
    assert release.median < sanitized.median <= LIMIT * release.median

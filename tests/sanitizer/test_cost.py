# SPDX-License-Identifier: GPL-2.0-or-later
"""What the sanitizers cost: at most six times the guest instructions of the release build, whatever the operation."""

from __future__ import annotations

from harness.analysis.cost import firmware_by_build, measure_boot, measure_cost
from harness.analysis.workloads import workloads

LIMIT = 6
# The parameter sets whose ratio is the greatest, or near it; `hil analyze cost` shows them all.
DEAREST = ("AES-256 16 B", "ML-DSA-87", "ML-KEM-768")


def test_an_operation_costs_at_most_six_times_as_much() -> None:
    loads = [load for load in workloads() if load.parameter_set in DEAREST]
    rows = measure_cost(firmware_by_build(("release", "sanitize")), seeds=1, loads=loads)
    assert len({load.command for load in loads}) == 7
    for release, sanitized in zip(rows[::2], rows[1::2], strict=True):
        assert release.median < sanitized.median <= LIMIT * release.median, release.operation


def test_so_does_the_start() -> None:
    release, sanitized = measure_boot(firmware_by_build(("release", "sanitize")))
    assert release.median < sanitized.median <= LIMIT * release.median

# SPDX-License-Identifier: GPL-2.0-or-later
"""Images of every build and the shortest workloads."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.workloads import Workload, all_workloads
from harness.targets.opening import default_firmware


@pytest.fixture(scope="session")
def builds(firmware: Path) -> dict[str, Path]:
    """The release, debug and FIPS images; `make test` has built them."""
    others = {build: default_firmware(build=build) for build in ("debug", "fips")}
    assert all(path.is_file() for path in others.values()), "run `make firmware` first"
    return {"release": firmware} | others


@pytest.fixture(scope="session")
def short() -> tuple[Workload, ...]:
    """AES in both directions, 16 bytes."""
    return tuple(load for load in all_workloads() if load.parameter_set == "AES-256 16 B")

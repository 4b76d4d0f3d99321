# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as a library for this machine under the sanitizers of GCC (address, undefined) and clang (memory)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.differential.session import run_diff
from harness.targets.model import ModelTarget
from harness.targets.native import NativeTarget
from harness.targets.opening import default_native

FIRMWARE = Path(__file__).parents[3] / "firmware"
REQUESTS = 1000


@pytest.mark.parametrize(("variant", "sanitizers"), [("sanitized", "address,undefined"), ("memory", "memory")])
def test_no_sanitizer_complains(variant: str, sanitizers: str) -> None:
    """That they would is proven by the planted defects of tests/harness/targets/test_native_process.py."""
    subprocess.run(["make", "-s", "-C", FIRMWARE, "native", f"HOST_SANITIZE={sanitizers}"], check=True)
    target = NativeTarget(default_native(variant))
    result = run_diff(ModelTarget(), target, REQUESTS, seed=7)
    target.close()
    assert (result.requests, result.first) == (REQUESTS, None)

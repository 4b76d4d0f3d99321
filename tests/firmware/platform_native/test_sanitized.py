# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as a library for this machine, built with the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.targets.opening import default_native

PROJECT = Path(__file__).parents[3]
REQUESTS = 400


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """For processes that load the sanitized library: the sanitizer's own goes first."""
    command = ["make", "-s", "-C", PROJECT / "firmware", "native", "HOST_SANITIZE=address,undefined"]
    subprocess.run(command, check=True)
    preload = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    return os.environ | {
        "LD_PRELOAD": preload.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)


def test_no_sanitizer_complains(environment: dict[str, str]) -> None:
    options = ["--against", "model", "--firmware", str(default_native("sanitized")), "--count", str(REQUESTS)]
    outcome = run(environment, "-c", "from harness.cli import main; main()", "diff", "--target", "native", *options)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-4000:]
    assert f"{REQUESTS} requests, 0 differences" in outcome.stdout


STEP_BEYOND = """
import sys
from cffi import FFI
ffi = FFI()
ffi.cdef("void key_storage_fetch(void *destination, uint32_t offset, size_t size);")
library = ffi.dlopen(sys.argv[1])
library.key_storage_fetch(ffi.new("uint8_t[]", 16), 0xB000 - int(sys.argv[2]), 16)
"""


@pytest.mark.parametrize("left", [16, 15])
def test_a_byte_beyond_a_page_is_seen(environment: dict[str, str], left: int) -> None:
    """Otherwise the test above proves nothing. The key storage ends `left` bytes behind the first that is fetched."""
    outcome = run(environment, "-c", STEP_BEYOND, str(default_native("sanitized")), str(left))
    assert (outcome.returncode != 0) == (left < 16)
    assert ("global-buffer-overflow" in outcome.stderr) == (left < 16)
    assert ("native_key_storage" in outcome.stderr) == (left < 16)

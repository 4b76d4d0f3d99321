# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of this folder once more, on the library built with the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
FIRMWARE = PROJECT / "firmware"


def sanitized_environment(path: Path) -> dict[str, str]:
    """The sanitizer's library goes first, and Python allocates through it, so that it knows each block's borders."""
    preload = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    return os.environ | {
        "HOST_CLIENT_LIBRARY": str(path),
        "LD_PRELOAD": preload.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(PROJECT),
    }


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """For processes that load the sanitized library."""
    subprocess.run(["make", "-s", "-C", FIRMWARE, "host", "HOST_SANITIZE=address,undefined"], check=True)
    return sanitized_environment(FIRMWARE / "build" / "host-sanitized" / "libclient.so")


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)


def test_no_sanitizer_complains(environment: dict[str, str]) -> None:
    arguments = ("-m", "pytest", str(HERE), f"--ignore={__file__}", "-p", "no:cacheprovider", "-k", "not 16777216")
    outcome = run(environment, *arguments)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-4000:]
    assert " passed" in outcome.stdout


STEP_BEYOND = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
conftest = importlib.util.module_from_spec(spec)
sys.modules["conftest"] = conftest
spec.loader.exec_module(conftest)
library = conftest.Library(pathlib.Path(sys.argv[2]))
response = library.ffi.new("struct client_response *")
library.lib.client_response_begin(response, library.memory(bytes(7)), 8)
"""


def test_a_step_beyond_a_buffer_would_be_seen(environment: dict[str, str]) -> None:
    """Otherwise the test above proves nothing: seven bytes, declared as eight."""
    outcome = run(environment, "-c", STEP_BEYOND, str(HERE / "conftest.py"), environment["HOST_CLIENT_LIBRARY"])
    assert outcome.returncode != 0
    assert "heap-buffer-overflow" in outcome.stderr

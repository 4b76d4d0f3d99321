# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes end with the block that they belong to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable

import pytest

from harness.fuzz.processes import Process, spread, stop

# Says that it is there, then sleeps; what it does on a signal comes before.
SLEEPER = "print(flush=True); import time; time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER


def started(program: str) -> Process:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_each_has_a_number_and_a_core_until_the_block_fails() -> None:
    given: list[tuple[int, int | None]] = []

    def start(number: int, core: int | None) -> Process:
        given.append((number, core))
        return started(SLEEPER)

    def end(processes: Iterable[Process]) -> None:
        stop(processes, signal.SIGTERM)

    running: list[Process] = []

    def interrupted() -> None:
        with spread(3, start, end) as processes:
            running.extend(processes)
            assert all(process.poll() is None for process in processes)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [process.returncode for process in running] == [-signal.SIGTERM] * 3
    cores = sorted(os.sched_getaffinity(0))
    assert given == [(number, cores[number % len(cores)]) for number in range(3)]


def test_what_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.fuzz.processes.GRACE", 0.2)
    deaf, ended = started(DEAF), started("print(flush=True)")
    ended.wait()
    stop([deaf, ended], signal.SIGTERM)
    assert (deaf.returncode, ended.returncode) == (-signal.SIGKILL, 0)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of a campaign: spread over the cores from their start to their end, whatever ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

GRACE: Final = 10.0  # seconds that a process has to write its files

Process = subprocess.Popen[bytes]


def stop(processes: Iterable[Process], by: signal.Signals) -> None:
    """End processes as they want to be ended, so that what they write is whole; returns when all are gone."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.send_signal(by)
    until = time.monotonic() + GRACE
    for process in running:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def spread(
    count: int, start: Callable[[int, int | None], Process], end: Callable[[Iterable[Process]], None]
) -> Iterator[list[Process]]:
    """`count` processes, each started with its number and one of the cores that this process may use.

    Whatever ends the block ends them, Ctrl-C too.
    """
    cores = sorted(os.sched_getaffinity(0))
    processes: list[Process] = []
    try:
        for number in range(count):
            processes.append(start(number, cores[number % len(cores)]))
        yield processes
    finally:
        end(processes)

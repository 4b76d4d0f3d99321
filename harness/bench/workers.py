# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers of a fuzzing engine that the bench starts, counts the executions of, and ends."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from harness.fuzz import afl, libfuzzer
from harness.fuzz.engine import read_stats
from harness.fuzz.error import FuzzError
from harness.fuzz.options import Options
from harness.fuzz.worker import stats_path

ENGINES: Final = {"libfuzzer": "libFuzzer", "afl": "AFL++"}

_START_SECONDS: Final = 120  # that a worker may take to its first execution on a busy machine
_POLL: Final = 0.05  # seconds


@contextmanager
def workers(
    engine: str, options: Options, cores: Sequence[int | None], seeds: Sequence[bytes] | None = None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A worker for each of `cores`, None being whichever is free, that work within the block.

    They start from `seeds` instead of the first corpus where there are any. Raises FuzzError without the engine.
    """
    module = afl if engine == "afl" else libfuzzer
    module.prepare(options)
    if seeds is not None:
        folder = module.seeds_folder(options)
        shutil.rmtree(folder)
        folder.mkdir()
        for number, seed in enumerate(seeds):
            (folder / f"{number:03}").write_bytes(seed)
    with ExitStack() as at_end:
        started = []
        for number, core in enumerate(cores):
            worker = module.start(options, number, core)
            at_end.callback(_end, engine, worker)
            started.append(worker)
        yield started


def _end(engine: str, worker: subprocess.Popen[bytes]) -> None:
    if engine == "afl":
        afl.stop([worker])
    else:
        worker.kill()
        worker.wait()


def executions(options: Options, number: int) -> int:
    """What a worker has counted; 0 before it does."""
    return read_stats(stats_path(options, number)).executions


def rate(
    engine: str, options: Options, running: Sequence[subprocess.Popen[bytes]], warm_up: float, seconds: float
) -> float:
    """Executions a second of all workers together, over `seconds` from `warm_up` seconds behind their start.

    Raises FuzzError where one does not start or ends early.
    """
    numbers = range(len(running))
    until = time.monotonic() + _START_SECONDS
    while not all(executions(options, number) for number in numbers):
        _check(engine, options, running)
        if time.monotonic() > until:
            raise FuzzError(f"{ENGINES[engine]} has run nothing: {last_words(engine, options, 0)}")
        time.sleep(_POLL)
    time.sleep(warm_up)
    before, began = sum(executions(options, number) for number in numbers), time.perf_counter()
    time.sleep(seconds)
    after, ended = sum(executions(options, number) for number in numbers), time.perf_counter()
    _check(engine, options, running)
    return (after - before) / (ended - began)


def _check(engine: str, options: Options, running: Sequence[subprocess.Popen[bytes]]) -> None:
    for number, worker in enumerate(running):
        if worker.poll() is not None:
            raise FuzzError(f"{ENGINES[engine]} has ended early: {last_words(engine, options, number)}")


def last_words(engine: str, options: Options, number: int) -> str:
    """What a worker, or its target, has said last."""
    return afl.failure(options, number) if engine == "afl" else libfuzzer.failure(options, number)

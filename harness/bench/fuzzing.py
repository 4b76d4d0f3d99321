# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the fuzzer is: its engines, its executor, its oracles, the sanitized build.

Rates are absolute, so they depend on the machine and on what else it does; everything else is a ratio within this run.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from harness.analysis.cost import measure_cost
from harness.bench.figure import Figure
from harness.bench.fuzzing_baselines import AES_64, REFUSED, PythonHookFuzzer, native_libfuzzer_rate
from harness.bench.workers import ENGINES, rate, workers
from harness.default_keys import ENTROPY
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.key_images import key_images
from harness.fuzz.options import Options
from harness.fuzz.oracles import ORACLES
from harness.fuzz.seeds import first_corpus
from harness.fuzz.worker import make_executor, make_judges
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.targets.base import TargetError
from harness.targets.emulated import EXCHANGE_BUDGET, EmulatedTarget
from harness.targets.opening import default_firmware, default_native

SECONDS = 8
WARM_UP = 1.0  # seconds in which code is translated and the first compares are solved
ROUNDS = 7
REPEAT = 2000
HOOK_REPEAT = 100
COST_SEEDS = 3

# So short an input leaves the payload length at 0, which every operation refuses: nothing gets past the checks.
REFUSED_LENGTH: Final = 4
_BAD_MAGIC: Final = bytes((0, table.PROTOCOL_VERSION, 1, 0))

_GOALS: Final = {"libfuzzer": 120_000, "afl": 60_000}
_PYTHON_HOOK_GOAL: Final = 20
_SANITIZED_GOAL: Final = 6


# ---- engines ----


def engine_figures(path: Path, board_name: str, native: Path | None = None) -> tuple[Figure, ...]:
    """Refused requests under each engine on one core, and on two; the same with the model; against the native build.

    `native` is the native library with coverage. On a machine with one core there is nothing to tell of two. Raises
    FuzzError without an engine, TargetError without the library.
    """
    figures, rates = [], {}
    cores = sorted(os.sched_getaffinity(0))[:2]
    for engine, title in ENGINES.items():
        rates[engine] = one = _refused_rate(engine, path, board_name, ("crash",), cores[:1])
        name = f"refused requests, {title} on one core"
        figures.append(Figure(name, one, "executions/s", "", None, _GOALS[engine], "least"))
        if len(cores) == 2:
            two = _refused_rate(engine, path, board_name, ("crash",), cores)
            name = f"refused requests, {title} on two cores"
            figures.append(Figure(name, two, "executions/s", f"one core: {one:.0f}", two / one, 1.7, "least"))
    model = _refused_rate("libfuzzer", path, board_name, ("model",), cores[:1])
    figures.append(Figure("refused requests with the model, libFuzzer", model, "executions/s", "", None, 5000, "least"))
    alone = native_libfuzzer_rate(native or default_native("coverage"), REFUSED, SECONDS).per_second
    ours, baseline = rates["libfuzzer"], f"native build: {alone:.0f}"
    figures.append(Figure("refused requests, libFuzzer", ours, "executions/s", baseline, ours / alone, None))
    return tuple(figures)


def _refused_rate(engine: str, path: Path, board_name: str, oracles: tuple[str, ...], cores: Sequence[int]) -> float:
    """Executions a second of a worker on each core, together."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder, "work")
        work.mkdir()
        options = Options(
            path,
            Path(folder, "corpus"),
            Path(folder, "findings"),
            work,
            board_name,
            oracles,
            raw=True,
            length=REFUSED_LENGTH,
            seed=1,
            jobs=len(cores),
        )
        with workers(engine, options, cores, [_BAD_MAGIC]) as running:
            return rate(engine, options, running, WARM_UP, SECONDS)


# ---- the executor by itself ----


def executor_figures(path: Path, board_name: str) -> tuple[Figure, ...]:
    """AES_ENCRYPT of 64 bytes: the executor by the guest alone; both kinds of requests by a fuzzer with a Python hook.

    The executor is called from Python, as the other fuzzer is. Raises TargetError when a request is not answered.
    """
    executor = Executor(EmulatedTarget(path, board_name), raw=True)
    alone = GuestAlone(path, board_name, AES_64[0])
    hook, sparing = PythonHookFuzzer(path, board_name), PythonHookFuzzer(path, board_name, sparing=True)
    try:
        times = _interleaved(lambda: _seconds(executor, AES_64, REPEAT), lambda: alone.seconds(REPEAT))
        return (
            _by_guest(*times),
            _by_hook("refused requests, executor", executor, hook, REFUSED, _PYTHON_HOOK_GOAL),
            _by_hook("AES of 64 bytes, executor", executor, hook, AES_64, _PYTHON_HOOK_GOAL),
            _by_hook("refused requests, executor, by a sparing hook", executor, sparing, REFUSED, None),
            _by_hook("AES of 64 bytes, executor, by a sparing hook", executor, sparing, AES_64, None),
        )
    finally:
        executor.close()
        alone.close()


def _by_guest(ours: float, guest: float) -> Figure:
    name, baseline = "AES of 64 bytes, executor with feedback and restore", f"guest alone: {guest * 1e6:.2f} us"
    return Figure(name, ours * 1e6, "us", baseline, ours / guest, 1.3)


def _by_hook(
    name: str, executor: Executor, hook: PythonHookFuzzer, requests: Sequence[bytes], goal: float | None
) -> Figure:
    """The same requests, in turn, on both."""

    def hooked() -> float:
        begin = time.perf_counter()
        for _ in range(HOOK_REPEAT):
            for request in requests:
                hook.execute(request)
        return (time.perf_counter() - begin) / (HOOK_REPEAT * len(requests))

    for request in requests:
        hook.execute(request)
        _ = hook.response
    ours, theirs = _interleaved(lambda: _seconds(executor, requests, REPEAT), hooked)
    baseline = f"hook in Python: {1 / theirs:.0f}"
    return Figure(name, 1 / ours, "executions/s", baseline, theirs / ours, goal, "least")


class GuestAlone:
    """One request on a machine without feedback, time and again and never restored: what the guest itself takes."""

    def __init__(self, path: Path, board_name: str, request: bytes) -> None:
        self._target = EmulatedTarget(path, board_name)
        self._request = request
        self._clock = 0
        self._target.set_clock(0)
        self._target.boot(ENTROPY, key_images()[0])

    def seconds(self, repeat: int) -> float:
        """Seconds inside the engine for one request. Raises TargetError where it is not answered with SUCCESS."""
        target, run = self._target, self._target.machine.cpu.run
        spent = 0.0
        for _ in range(repeat):
            self._clock += table.RATE_INTERVAL_US
            target.set_clock(self._clock)
            target.window.post(self._request)
            begin = time.perf_counter()
            run(EXCHANGE_BUDGET)
            spent += time.perf_counter() - begin
            status = target.window.take().status
            if status is not Status.SUCCESS:
                raise TargetError(f"the request that is timed is answered with {status.name}")
        return spent / repeat

    def close(self) -> None:
        """Release the machine."""
        self._target.close()


def _seconds(executor: Executor, scripts: Sequence[bytes], repeat: int) -> float:
    """Seconds for one of the scripts, each run `repeat` times. Raises TargetError for one that does not pass."""
    begin = time.perf_counter()
    for _ in range(repeat):
        for script in scripts:
            verdict = executor.run(script)
            if verdict is not Verdict.PASS:
                raise TargetError(f"a script that is timed ends in {verdict.name}")
    return (time.perf_counter() - begin) / (repeat * len(scripts))


def _interleaved(*measure: Callable[[], float]) -> list[float]:
    """The median of each over ROUNDS, in turn, so that all see the same machine."""
    rounds = [[one() for one in measure] for _ in range(ROUNDS)]
    return [median(times) for times in zip(*rounds, strict=True)]


# ---- oracles ----


def oracle_figures(path: Path, board_name: str) -> tuple[Figure, ...]:
    """The first corpus with each oracle, at the intervals that a campaign has, by the first corpus without any."""
    nowhere = Path(os.devnull)
    executors = []
    for oracle in ORACLES:
        options = Options(path, nowhere, nowhere, nowhere, board_name, (oracle,))
        executors.append(make_executor(options))
        make_judges(executors[-1], options)
    try:
        times = _interleaved(*(lambda e=executor: _seconds(e, first_corpus(), 1) for executor in executors))
    finally:
        for executor in executors:
            executor.close()
    crash = 1 / times[0]
    rates = [1 / seconds for seconds in times]
    return tuple(
        Figure(f"first corpus, oracle {oracle}", fast, "executions/s", f"crash alone: {crash:.0f}", fast / crash, None)
        for oracle, fast in zip(ORACLES, rates, strict=True)
    )


# ---- the sanitized build ----


def sanitized_cost(path: Path, board_name: str) -> Figure:
    """Guest instructions of the operation that sanitizers slow down most, by those of the release build."""
    builds = {"release": path, "sanitize": default_firmware(board_name, "sanitize")}
    rows = iter(measure_cost(builds, board_name, COST_SEEDS, stack_seeds=0))
    ratio, name, release, sanitized = max(
        (slow.median / fast.median, f"{fast.operation} {fast.parameter_set}".strip(), fast.median, slow.median)
        for fast, slow in zip(rows, rows, strict=True)
    )
    return Figure(
        f"sanitized build, worst: {name}", sanitized, "instructions", f"release: {release}", ratio, _SANITIZED_GOAL
    )


def fuzzing_figures(path: Path, board_name: str) -> tuple[Figure, ...]:
    """All of them."""
    return (
        *engine_figures(path, board_name),
        *executor_figures(path, board_name),
        *oracle_figures(path, board_name),
        sanitized_cost(path, board_name),
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""A conformance run from start to verdict: pytest over this package's test modules, with the bench's plugin."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from emulator.coverage import CoverageRecorder
from harness.clauses import CLAUSES
from harness.conformance import plugin
from harness.environment import environment
from harness.report.results import CaseResult, ConformanceRun, judge_clauses
from harness.tape import Tape
from harness.targets.base import Target, TargetError, TargetLost
from harness.targets.emulated import EmulatedTarget
from harness.targets.gdb_remote.target import RemoteTarget
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import open_target

HERE = Path(__file__).parent

# No case collected is a verdict too: a clause that is built and has none fails.
_JUDGED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True, slots=True)
class ConformanceOptions:
    """What to run against what; `clauses` empty means all of them. `stop_at_first`: end with the first failure.

    `secrets`: search memory for secrets behind each response, watch what is read of the window (SEC-1, IPC-4).
    """

    target: str = "emulated"
    firmware: Path | None = None
    board: str = DEFAULT_BOARD
    clauses: tuple[str, ...] = ()
    full: bool = False
    stop_at_first: bool = False
    secrets: bool = True


class ConformanceError(Exception):
    """The run could not be made; the message says what to do."""


def run_conformance(
    options: ConformanceOptions,
    plugins: Sequence[object] = (),
    coverage: CoverageRecorder | None = None,
    tape: Tape | None = None,
) -> ConformanceRun:
    """Judge every clause. `plugins` are pytest plugins that watch the run, such as a progress display.

    `coverage` collects what the run executes of the judged image, in every system that the cases open. It does not
    collect what calls of single functions execute (SEC-2): no client of the service can make them. `tape` takes what
    the cases exchange with the target.

    Raises ConformanceError when no run takes place, TargetError or EmulatorError when the target cannot be opened.
    TargetLost when the way to it was lost during the run, which then is no verdict. KeyboardInterrupt passes through.
    """
    known = {clause.id for clause in CLAUSES}
    for clause in options.clauses:
        if clause not in known:
            raise ConformanceError(f"clause {clause!r} is unknown; use one of: {', '.join(sorted(known))}")
    target = open_target(options.target, options.firmware, options.board)
    recorder = plugin.Recorder()
    recorded = coverage.watch(target.machine.task) if coverage and isinstance(target, EmulatedTarget) else nullcontext()
    started = time.perf_counter()
    try:
        with recorded, _nothing_left_behind():
            provided = plugin.Provide(target, coverage, tape)
            code = pytest.main(_arguments(options), plugins=[provided, plugin, recorder, *plugins])
        seconds = time.perf_counter() - started
        if recorder.interrupted:
            raise KeyboardInterrupt
        if recorder.lost:
            raise TargetLost(recorder.lost)
        if recorder.collection_error or code not in _JUDGED:
            why = recorder.collection_error or f"pytest ended with {code!r}"
            raise ConformanceError(f"the suite did not run: {why}")
        return _result(options, target, recorder, seconds)
    finally:
        target.close()


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Hypothesis keeps notes in the working directory; here they go with the run."""
    with tempfile.TemporaryDirectory(prefix="hil-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


def _arguments(options: ConformanceOptions) -> list[str]:
    """Pytest as a library: silent, and deaf to whatever configuration lies around."""
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:hil"]
    isolated = ["-c", str(HERE / "pytest.ini"), "--rootdir", str(HERE), "--noconftest", "--import-mode=importlib"]
    chosen = [f"--clause={clause}" for clause in options.clauses] + (["--full"] if options.full else [])
    chosen += [] if options.secrets else ["--no-secrets"]
    chosen += ["--maxfail=1"] if options.stop_at_first else []
    return [*quiet, *isolated, *chosen, str(HERE)]


def _result(options: ConformanceOptions, target: Target, recorder: plugin.Recorder, seconds: float) -> ConformanceRun:
    emulated = target if isinstance(target, EmulatedTarget) else None
    image = target.image if isinstance(target, EmulatedTarget | RemoteTarget) else None
    wanted = [clause for clause in CLAUSES if not options.clauses or clause.id in options.clauses]
    return ConformanceRun(
        target=target.name,
        board=options.board,
        firmware=image.path.name if image else "",
        firmware_sha256=image.sha256 if image else "",
        firmware_build=emulated.build_kind if emulated else "",
        clauses=judge_clauses(recorder.cases, wanted),
        cases=tuple(recorder.cases),
        seconds=seconds,
        exchanges=recorder.totals.exchanges,
        instructions=recorder.totals.instructions,
        full=options.full,
        uart=emulated.machine.uart.text() if emulated else "",
        faults=tuple(_faults(recorder.cases)),
        environment=environment(image) | getattr(target, "environment", {}),
    )


def _faults(cases: Sequence[CaseResult]) -> list[str]:
    """The reports of guests that stopped, without repetitions."""
    return list(dict.fromkeys(case.detail for case in cases if "stopped: " in case.detail))


__all__ = ["ConformanceError", "ConformanceOptions", "TargetError", "run_conformance"]

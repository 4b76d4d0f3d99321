# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: fixtures `dut`, `clock` and `keys` for a user's own tests and for the conformance modules.

    def test_encrypts(dut):
        assert dut.aes_encrypt(1, b"attack at dawn").status == Status.SUCCESS

Options: `--target`, `--firmware`, `--board`, `--full` (slow cases too), `--clause ID`. A case names what it judges with
`@pytest.mark.clause("HDR-1", ...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from emulator.coverage import CoverageRecorder
from emulator.errors import EmulatorError, SymbolError
from emulator.l4.task import Task
from harness.analysis.watch import Watch
from harness.clauses import CLAUSES
from harness.conformance.dut import Clock, Dut, Keys, Totals
from harness.report.results import CaseResult
from harness.tape import Tape
from harness.targets.base import Target, TargetError, TargetLost
from harness.targets.emulated import EmulatedTarget
from harness.targets.names import DEFAULT_BOARD, TARGET_FORMS
from harness.targets.opening import open_target

_CLAUSE_IDS = frozenset(clause.id for clause in CLAUSES)


class Recorder:
    """Collects the result of each case; registered by `hil conform`, and free of any effect otherwise."""

    def __init__(self) -> None:
        self.cases: list[CaseResult] = []
        self.totals = Totals()
        self.interrupted = False
        self.collection_error = ""
        self.lost = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the reason when a test module cannot be read."""
        if report.failed:
            self.collection_error = str(report.longrepr).strip().splitlines()[-1]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C; pytest reports errors of collection in the same way, by a subclass."""
        self.interrupted = excinfo.type is KeyboardInterrupt

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[object]) -> None:
        """Without a target nothing is judged any more."""
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, TargetLost) and not self.lost:
            self.lost = str(error)
            node.session.shouldstop = self.lost

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Keep what the session's fixtures counted."""
        self.totals = session.config.stash[_TOTALS]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Turn pytest's phases into one result a case: the call's, unless a phase round it says worse."""
        if report.when != "call" and report.outcome == "passed":
            return
        name = report.nodeid.split("/")[-1]
        if report.when == "teardown" and self.cases and self.cases[-1].name == name:
            if self.cases[-1].outcome == "failed":
                return
            self.cases.pop()
        clauses = tuple(str(value) for name, value in report.user_properties if name == "clause")
        detail = ""
        if report.outcome == "failed":
            detail = _failure_text(report)
        elif report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            detail = report.longrepr[2].removeprefix("Skipped: ")
        self.cases.append(CaseResult(name, clauses, report.outcome, detail, report.duration))


def _failure_text(report: pytest.TestReport) -> str:
    """The assertion's message first, then where it happened."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return str(report.longrepr) or "failed"
    return f"{crash.message}\n  at {Path(crash.path).name}:{crash.lineno}"


class Provide:
    """Hands a target that is open already to the session, which then opens none of its own.

    The coverage of the systems that cases open themselves goes to `coverage`; the target's own is the giver's matter.
    What the cases exchange with the target goes on `tape`.
    """

    def __init__(self, target: Target, coverage: CoverageRecorder | None = None, tape: Tape | None = None) -> None:
        self._target = target
        self._coverage = coverage
        self._tape = tape

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave them where the fixtures look for them."""
        config.stash[_TARGET] = self._target
        if self._coverage is not None:
            config.stash[_COVERAGE] = self._coverage
        if self._tape is not None:
            config.stash[_TAPE] = self._tape


_TOTALS = pytest.StashKey[Totals]()
_TARGET = pytest.StashKey[Target]()
_COVERAGE = pytest.StashKey[CoverageRecorder]()
_TAPE = pytest.StashKey[Tape]()

# Records the coverage of tasks for as long as the block lasts.
RecordCoverage = Callable[[Task], AbstractContextManager[None]]


def board_of(config: pytest.Config) -> str:
    """The name of the board that the run is about."""
    target = config.stash.get(_TARGET, None)
    return target.board.name if isinstance(target, EmulatedTarget) else str(config.getoption("--board"))


def totals_of(config: pytest.Config) -> Totals:
    """What the run has done so far, for a case that opens a device of its own."""
    return config.stash[_TOTALS]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the bench."""
    group = parser.getgroup("hil", "firmware test bench")
    group.addoption("--target", default="emulated", help=f"what answers: {', '.join(TARGET_FORMS)} (default: emulated)")
    group.addoption("--firmware", type=Path, default=None, help="firmware image (ELF); default: the release build")
    group.addoption(
        "--board", default=DEFAULT_BOARD, help=f"board to emulate, or its file .toml (default: {DEFAULT_BOARD})"
    )
    group.addoption("--full", action="store_true", help="run the slow cases as well")
    group.addoption(
        "--no-secrets",
        action="store_true",
        help="do not search memory for secrets, nor watch what is read of the window",
    )
    group.addoption("--clause", action="append", default=[], help="run only the cases of this clause; may be repeated")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks; refuse a clause that does not exist."""
    config.addinivalue_line("markers", "clause(*ids): clauses of the contract that the case judges")
    config.addinivalue_line("markers", "whole_run: judges what the run has shown so far; comes last")
    config.addinivalue_line("markers", "slow: minutes rather than seconds; runs with --full")
    config.stash[_TOTALS] = Totals()
    for clause in config.getoption("--clause"):
        if clause not in _CLAUSE_IDS:
            raise pytest.UsageError(f"clause {clause!r} is unknown; docs/protocol.md lists them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Attach clause ids to the reports; keep what --clause and --full ask for."""
    wanted = set(config.getoption("--clause"))
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        clauses = [str(name) for mark in item.iter_markers("clause") for name in mark.args]
        for name in clauses:
            if name not in _CLAUSE_IDS:
                raise pytest.UsageError(f"{item.nodeid}: clause {name!r} is unknown")
            item.user_properties.append(("clause", name))
        (kept if not wanted or wanted & set(clauses) else dropped).append(item)
        if item.get_closest_marker("slow") and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --full"))
    kept.sort(key=lambda item: item.get_closest_marker("whole_run") is not None)
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Skip a case of a clause that looks into the firmware for a variable that this one does not have."""
    try:
        return (yield)
    except SymbolError as error:
        if pyfuncitem.get_closest_marker("clause") is None:
            raise
        pytest.skip(f"the case looks into the firmware: {error}")


@pytest.fixture(scope="session")
def bench_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The target that the options name, opened once a session."""
    provided = request.config.stash.get(_TARGET, None)
    if provided is not None:
        yield provided
        return
    option = request.config.getoption
    try:
        target = open_target(option("--target"), option("--firmware"), option("--board"))
    except (TargetError, EmulatorError) as error:
        raise pytest.UsageError(str(error)) from None
    yield target
    target.close()


@pytest.fixture(scope="session")
def secrets_watch(bench_target: Target, request: pytest.FixtureRequest) -> Iterator[Watch | None]:
    """What watches every run of the session for secrets and second fetches; None without the means, or unwanted."""
    if not isinstance(bench_target, EmulatedTarget) or request.config.getoption("--no-secrets"):
        yield None
        return
    watch = Watch(bench_target)
    yield watch
    watch.close()


@pytest.fixture(scope="session")
def bench_totals(request: pytest.FixtureRequest) -> Totals:
    """What the whole session does is counted here."""
    return request.config.stash[_TOTALS]


@pytest.fixture(scope="session")
def record_coverage(request: pytest.FixtureRequest) -> RecordCoverage:
    """For a case that runs the judged image in a system of its own; does nothing where coverage is not wanted."""
    recorder = request.config.stash.get(_COVERAGE, None)
    return recorder.watch if recorder is not None else lambda _task: nullcontext()


@pytest.fixture
def dut(bench_target: Target, bench_totals: Totals, secrets_watch: Watch | None, request: pytest.FixtureRequest) -> Dut:
    """The device under test, freshly booted: clock at 0, the default keys, each exchange compared with the model."""
    return Dut(
        bench_target,
        bench_totals,
        bounded=_is_release(bench_target),
        watch=secrets_watch,
        tape=request.config.stash.get(_TAPE, None),
    )


@pytest.fixture
def clock(dut: Dut) -> Clock:
    """The device's clock."""
    return dut.clock


@pytest.fixture
def keys(dut: Dut) -> Keys:
    """The device's key manager."""
    return dut.keys


def _is_release(target: Target) -> bool:
    """The instruction bounds are promised for release builds."""
    return isinstance(target, EmulatedTarget) and target.build_kind == "release"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cases of vector files on a firmware image and counts what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.calls import CallError, CallStopped
from harness.targets.base import TargetStopped
from harness.targets.emulated import describe
from harness.targets.names import DEFAULT_BOARD
from harness.vectors.case import Case, Kind, VectorFile
from harness.vectors.error import VectorError
from harness.vectors.loader import load_files
from harness.vectors.registry import executor_of
from harness.vectors.routes import Bench, CaseFailed

# Called with the number of cases done and their total.
Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case with a wrong result: its name within the file, and the difference or what the guest did instead."""

    case: str
    text: str

    def __str__(self) -> str:
        return f"{self.case}: {self.text}"


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file's cases: `window` and `function` count those that ran, by route, failed ones among them.

    `unsupported` counts, by reason, those that could not be run.
    """

    file: Path
    results: Path | None
    kind: Kind
    algorithm: str
    window: int
    function: int
    failures: tuple[Failure, ...]
    unsupported: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """One entry of `files` in the shape that `hil vectors --json` promises."""
        shape: dict[str, object] = {
            "file": str(self.file),
            "kind": str(self.kind),
            "algorithm": self.algorithm,
            "window": self.window,
            "function": self.function,
            "failed": len(self.failures),
            "failures": [{"case": failure.case, "text": failure.text} for failure in self.failures],
            "unsupported": [{"reason": reason, "cases": count} for reason, count in self.unsupported.items()],
        }
        return shape if self.results is None else {**shape, "results": str(self.results)}


@dataclass(frozen=True, slots=True)
class VectorsResult:
    """A whole run, at least one case of which ran."""

    files: tuple[FileResult, ...]

    @property
    def cases(self) -> int:
        """How many cases ran."""
        return sum(file.window + file.function for file in self.files)

    @property
    def failed(self) -> int:
        """How many of them had a wrong result."""
        return sum(len(file.failures) for file in self.files)

    @property
    def unsupported(self) -> int:
        """How many could not be run."""
        return sum(sum(file.unsupported.values()) for file in self.files)

    @property
    def passed(self) -> bool:
        """Whether no case failed."""
        return self.failed == 0

    def as_json(self) -> dict[str, object]:
        """The shape that `hil vectors --json` promises."""
        return {
            "files": [file.as_json() for file in self.files],
            "cases": self.cases,
            "failed": self.failed,
            "unsupported": self.unsupported,
        }


def run_files(
    paths: Sequence[Path],
    firmware: Path | None = None,
    board: str = DEFAULT_BOARD,
    progress: Progress = no_progress,
) -> VectorsResult:
    """Runs every case of these files on `firmware`, which defaults to the release build.

    All files are read before the first case runs. Raises VectorError as `load_files` does and when not one case can be
    run; TargetError or EmulatorError when the image or the board cannot be used.
    """
    files = load_files(paths)
    if not files:
        raise VectorError("no file of test vectors was given")
    with Bench(firmware, board) as bench:
        result = VectorsResult(run_loaded(files, bench, progress))
    if result.cases == 0:
        reasons = sorted({reason for file in result.files for reason in file.unsupported})
        where = f"{files[0].path}{f' and {len(files) - 1} more' if len(files) > 1 else ''}"
        raise VectorError(f"{where}: no case ran, all {result.unsupported} were left out: {'; '.join(reasons)}")
    return result


def run_loaded(files: Sequence[VectorFile], bench: Bench, progress: Progress = no_progress) -> tuple[FileResult, ...]:
    """Runs every case of files that have been read; the result of a file may be that none could be run."""
    total = sum(len(file.cases) for file in files)
    results: list[FileResult] = []
    done = 0
    for file in files:
        tally = _Tally()
        for case in file.cases:
            _run_case(case, bench, tally)
            done += 1
            progress(done, total)
        results.append(tally.result(file))
    return tuple(results)


class _Tally:
    """Counts the cases of one file."""

    def __init__(self) -> None:
        self.window = self.function = 0
        self.failures: list[Failure] = []
        self.unsupported: Counter[str] = Counter()

    def result(self, file: VectorFile) -> FileResult:
        return FileResult(
            file.path,
            file.results,
            file.kind,
            file.algorithm,
            self.window,
            self.function,
            tuple(self.failures),
            dict(self.unsupported),
        )


def _run_case(case: Case, bench: Bench, tally: _Tally) -> None:
    executor = executor_of(case)
    refusal = executor.refusal(case)
    if refusal:
        tally.unsupported[refusal] += 1
        return
    through_window = executor.fits_window(case)
    try:
        if through_window:
            executor.run_window(case, bench.service)
        else:
            bench.functions.begin()
            executor.run_function(case, bench.functions)
    except CallError as error:
        # No such function in the image, or more data than the board has room for.
        tally.unsupported[str(error)] += 1
        return
    except (CaseFailed, TargetStopped) as error:
        tally.failures.append(Failure(case.name, str(error)))
    except CallStopped as error:
        tally.failures.append(Failure(case.name, f"the call did not return: {describe(error.stop)}"))
    if through_window:
        tally.window += 1
    else:
        tally.function += 1

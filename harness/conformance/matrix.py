# SPDX-License-Identifier: GPL-2.0-or-later
"""Conformance on every board: one row each, several boards at a time in processes of their own, and the document."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from emulator.board import BOARDS, board
from emulator.image import load_image
from harness.analysis.alignment import first_unaligned
from harness.analysis.cost import BOOT, measure_boot, measure_cost
from harness.analysis.footprint import footprint
from harness.analysis.workloads import workloads
from harness.conformance.runner import ConformanceError, ConformanceOptions, run_conformance
from harness.report.results import ClauseResult
from harness.targets.opening import default_firmware

# What a row says the price of: operation and parameter set, of the table of `hil analyze cost`.
MEASURED = (
    (BOOT, ""),
    ("AES_ENCRYPT", "AES-256 1 KiB"),
    ("MLKEM_DECAPS", "ML-KEM-768"),
    ("MLDSA_VERIFY", "ML-DSA-65 by seed"),
)


@dataclass(frozen=True, slots=True)
class MatrixOptions:
    """Which clauses are judged, empty for all; the others are as for a run on one board."""

    clauses: tuple[str, ...] = ()
    secrets: bool = True


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """What a board's release image has shown.

    `instructions` are those of MEASURED, `code` and `stack` bytes: text with constants, and the deepest stack of those
    operations. `unaligned` is the first access that hardware would trap, empty where there is none.
    """

    board: str
    cpu: str
    state: str
    clauses: tuple[ClauseResult, ...]
    cases: int
    failed_cases: int
    instructions: tuple[int, ...]
    code: int
    stack: int
    unaligned: str
    firmware_sha256: str
    seconds: float

    @property
    def passed(self) -> bool:
        """True when a clause was judged, none failed, and every access is one that hardware does."""
        return self.count("passed") > 0 and self.count("failed") == 0 and self.failed_cases == 0 and not self.unaligned

    def count(self, outcome: str) -> int:
        """How many clauses came out so."""
        return sum(clause.outcome == outcome for clause in self.clauses)

    def as_json(self) -> dict[str, object]:
        """One element of the list that `hil matrix --json` promises."""
        return {
            "board": self.board,
            "cpu": self.cpu,
            "state": self.state,
            "clauses": [{"id": c.id, "outcome": c.outcome, "cases": c.cases, "detail": c.detail} for c in self.clauses],
            "cases": self.cases,
            "failed": self.failed_cases,
            "instructions": {" ".join(filter(None, m)): n for m, n in zip(MEASURED, self.instructions, strict=True)},
            "code_bytes": self.code,
            "stack_bytes": self.stack,
            "unaligned": self.unaligned,
            "firmware_sha256": self.firmware_sha256,
            "seconds": round(self.seconds, 3),
        }


def judge_board(name: str, options: MatrixOptions) -> MatrixRow:
    """The row of one board, from its release image.

    Raises ConformanceError, AnalysisError, TargetError or EmulatorError where there is none to give.
    """
    path, row = default_firmware(name), board(name)
    run = run_conformance(ConformanceOptions(board=name, clauses=options.clauses, secrets=options.secrets))
    image = load_image(path, row)
    size = footprint(image, row, run.firmware_build)
    builds = {run.firmware_build: path}
    loads = [load for load in workloads() if (load.command.name, load.parameter_set) in MEASURED]
    costs = {
        (cost.operation, cost.parameter_set): cost
        for cost in (*measure_boot(builds, name), *measure_cost(builds, name, seeds=1, loads=loads, stack_seeds=1))
    }
    return MatrixRow(
        board=name,
        cpu=row.cpu,
        state=row.processor.state,
        clauses=run.clauses,
        cases=len(run.cases),
        failed_cases=run.failed,
        instructions=tuple(costs[each].median for each in MEASURED),
        code=size.code + size.constants,
        stack=max(cost.stack_bytes for cost in costs.values()),
        unaligned=first_unaligned(path, name)[1],
        firmware_sha256=image.sha256,
        seconds=run.seconds,
    )


def judge_boards(names: Sequence[str], options: MatrixOptions, jobs: int = 1) -> Iterator[MatrixRow]:
    """The rows of the boards called `names`, each when it is done, `jobs` at a time.

    Raises what `judge_board` raises; ConformanceError, before anything runs, for an image that is missing.
    """
    for name in names:
        board(name)
        if not default_firmware(name).is_file():
            raise ConformanceError(
                f"{default_firmware(name)}: no such firmware image; build all boards' by `make boards`"
            )
    # A process for each board: a run is a pytest session, and two of them do not fit into one process at a time.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as pool:
        futures = [pool.submit(judge_board, name, options) for name in names]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def in_order(rows: Sequence[MatrixRow]) -> tuple[MatrixRow, ...]:
    """The rows as the boards stand in emulator/board.py."""
    places = [entry.name for entry in BOARDS]
    return tuple(sorted(rows, key=lambda row: places.index(row.board)))


HEADINGS = ("board", "core", "state", "passed", "failed", "skipped", "cases", "text B", "stack B", "unaligned", "s")


def cells(row: MatrixRow) -> tuple[str, ...]:
    """The texts under HEADINGS."""
    counts = (row.count(outcome) for outcome in ("passed", "failed", "skipped"))
    return (
        row.board,
        row.cpu,
        row.state,
        *map(str, counts),
        str(row.cases),
        f"{row.code:,}",
        f"{row.stack:,}",
        row.unaligned or "none",
        f"{row.seconds:.0f}",
    )


def document(rows: Sequence[MatrixRow]) -> str:
    """The text of docs/matrix.md."""
    lines = [
        "# The contract on every board",
        "",
        "Generated by `make matrix`: each board's release image, built from the same sources, judged clause by clause",
        "in the emulator. `unaligned` is the first access in a round through all operations that hardware would trap;",
        "[boards.md](boards.md) says which those are. Seconds vary with the machine and what else it does.",
        "",
        *_table(HEADINGS, [cells(row) for row in rows]),
        "",
        "Guest instructions from doorbell to answer, with a key that was used before; `BOOT` is from reset to the",
        "first wait:",
        "",
        *_table(
            ("board", "core", *(" ".join(filter(None, each)) for each in MEASURED)),
            [(row.board, row.cpu, *(f"{count:,}" for count in row.instructions)) for row in rows],
        ),
        "",
    ]
    remarks = [
        f"- {row.board}, {clause.id}, {clause.outcome}: {clause.detail}"
        for row in rows
        for clause in row.clauses
        if clause.outcome != "passed"
    ]
    lines += ["What did not pass, and why:", "", *remarks] if remarks else ["Nothing failed, and nothing was skipped."]
    lines += ["", "Images, by SHA-256:", "", *(f"- {row.board}: `{row.firmware_sha256}`" for row in rows)]
    return "\n".join(lines) + "\n"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(each) + " |" for each in (headings, ["---"] * len(headings), *rows)]

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil conform`: the main job."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
from markupsafe import Markup
from rich.markup import escape
from rich.progress import Progress

from emulator.board_file import find_board
from emulator.coverage import CoverageRecorder
from emulator.image import load_image
from emulator.l4.picture import svg
from emulator.source_coverage import source_coverage
from harness.analysis.cost import measure_boot, measure_cost
from harness.clause_table import collect
from harness.cli.common import (
    board_option,
    console,
    firmware_option,
    json_option,
    plain_table,
    progress_bar,
    status_console,
    target_option,
    write_json,
)
from harness.cli.errors import FINDINGS
from harness.conformance.picture import running_tasks
from harness.conformance.runner import ConformanceOptions, run_conformance
from harness.fuzz.corpus import write_corpus
from harness.fuzz.options import INPUT_LENGTH
from harness.fuzz.recording import scripts
from harness.report.cost import CostRow
from harness.report.coverage import CoverageReport, folders
from harness.report.files import atomic_write, write_report
from harness.report.markdown import page
from harness.report.results import ConformanceRun
from harness.report.text import percent
from harness.sampling import Sampler
from harness.tape import Tape
from harness.targets.opening import default_firmware

# For the report's table: enough to show a spread, few enough to wait for.
COST_SEEDS = 3


class _ConformProgress:
    """A pytest plugin that moves a progress bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("conformance", total=None)

    def pytest_collection_finish(self, session: Any) -> None:
        self._progress.update(self._task, total=len(session.items))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._progress.update(self._task, advance=1)


@click.command()
@target_option
@firmware_option
@board_option
@click.option("--clause", "clauses", multiple=True, metavar="ID", help="judge this clause only; may be repeated")
@click.option("--full", is_flag=True, help="run the slow cases too, such as the window of 1,000,000 nonces")
@click.option("--no-secrets", is_flag=True, help="leave out SEC-1 and IPC-4, which watch every request: a third faster")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="write the report here, and what was reached of the sources (HTML, LCOV, drcov)",
)
@click.option(
    "--document",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="write the table by clause here, as a page of documentation",
)
@click.option("--no-coverage", is_flag=True, help="leave out of the report what was reached of the sources")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="add what the cases ask to this folder, as inputs of `hil fuzz`",
)
@click.option("--profile", is_flag=True, help="say where the time goes")
@json_option
def conform(
    target: str,
    firmware: Path | None,
    board: str,
    clauses: tuple[str, ...],
    full: bool,
    no_secrets: bool,
    report: Path | None,
    document: Path | None,
    no_coverage: bool,
    corpus: Path | None,
    profile: bool,
    json_path: str | None,
) -> None:
    """Judge every clause of the contract; a table by clause, and the report."""
    tests = collect() if report is not None else None  # what cannot be read is told before the run, not behind it
    options = ConformanceOptions(target, firmware, board, clauses, full, secrets=not no_secrets)
    sampler = Sampler()
    recorder = None if report is None or no_coverage else CoverageRecorder()
    tape = None if corpus is None else Tape()
    with progress_bar() as progress, sampler if profile else nullcontext():
        run = run_conformance(options, [_ConformProgress(progress)], recorder, tape)
    if json_path != "-":
        _print_conformance(run)
    if profile:
        shares = ", ".join(f"{part} {share:.0%}" for part, share in sampler.shares().items())
        status_console.print(f"time: {shares}", highlight=False)
    if corpus is not None and tape is not None:
        written = write_corpus(corpus, scripts(tape.sequences, INPUT_LENGTH))
        status_console.print(f"corpus: {len(written)} inputs in {corpus}", highlight=False, markup=False)
    if report is not None:
        reached = _coverage(run, options, recorder) if recorder else None
        picture = _picture(run, options)
        written = write_report(run, report, _cost(run, options), picture=picture, tests=tests, coverage=reached)
        _print_coverage(reached)
        status_console.print(f"report: {written[0]}", highlight=False)
    if document is not None:
        atomic_write(document, page(run).encode())
    write_json(json_path, run.as_json())
    sys.exit(0 if run.passed else FINDINGS)


def _cost(run: ConformanceRun, options: ConformanceOptions) -> tuple[CostRow, ...]:
    """What each operation costs on the image that was judged; nothing of an image that does not conform."""
    if run.target != "emulated" or not run.passed:
        return ()
    firmware = {run.firmware_build: _image(options)}
    return measure_cost(firmware, options.board, COST_SEEDS) + measure_boot(firmware, options.board)


def _picture(run: ConformanceRun, options: ConformanceOptions) -> Markup | None:
    """SVG of the system in which the judged image runs."""
    return Markup(svg(running_tasks(_image(options), options.board))) if run.target == "emulated" else None


def _image(options: ConformanceOptions) -> Path:
    return options.firmware or default_firmware(options.board)


def _coverage(run: ConformanceRun, options: ConformanceOptions, recorder: CoverageRecorder) -> CoverageReport | None:
    """What the run reached of the judged image; nothing of a target that executes none."""
    if run.target != "emulated":
        return None
    path = _image(options)
    image = load_image(path, find_board(options.board, path))
    data = recorder.data(image)
    return CoverageReport.of(image, data, source_coverage(image, data))


def _print_coverage(reached: CoverageReport | None) -> None:
    for folder in folders(reached.source)[:1] if reached else ():
        status_console.print(
            f"coverage of {folder.name}/: {percent(folder.lines)} of lines, {percent(folder.branches)} of the ways of "
            "branches",
            highlight=False,
        )


_OUTCOME_STYLE = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def _print_conformance(run: ConformanceRun) -> None:
    table = plain_table("clause", "outcome", "cases", "detail", numbers=("cases",))
    for clause in run.clauses:
        style = _OUTCOME_STYLE[clause.outcome]
        table.add_row(clause.id, f"[{style}]{clause.outcome}[/]", str(clause.cases), escape(clause.detail))
    console.print(table)
    counts = {outcome: sum(c.outcome == outcome for c in run.clauses) for outcome in _OUTCOME_STYLE}
    console.print(
        f"{run.target}: {counts['passed']} clauses passed, {counts['failed']} failed, {counts['skipped']} skipped; "
        f"{len(run.cases)} cases, {run.exchanges} exchanges, {run.instructions / 1e6:.0f} M guest instructions, "
        f"{run.seconds:.1f} s",
        highlight=False,
    )
    for fault in run.faults:
        console.print(fault, highlight=False, markup=False)

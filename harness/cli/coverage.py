# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil coverage`: what a corpus reaches of the firmware, by source and by operation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from emulator.source_coverage import Share, source_coverage
from harness.cli.common import (
    board_option,
    console,
    firmware_option,
    json_option,
    plain_table,
    progress_bar,
    status_console,
    write_json,
)
from harness.cli.errors import FINDINGS
from harness.fuzz.corpus import input_name, read_corpus
from harness.fuzz.reached import Reached, run_corpus
from harness.protocol import commands as protocol
from harness.protocol.commands import Status
from harness.report.coverage import CoverageReport, Folder, folders
from harness.report.files import write_coverage
from harness.report.text import percent

_SHOWN_BY_FILE = ("service",)
_FAILED_SHOWN = 10


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@firmware_option
@board_option
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="write the sources with what of them was reached (HTML, LCOV, drcov)",
)
@json_option
def coverage(
    corpus: tuple[Path, ...], firmware: Path | None, board: str, report: Path | None, json_path: str | None
) -> None:
    """Run the inputs of files and folders; show lines, branches and answers reached. Exit status 1: an input fails."""
    scripts = read_corpus(corpus)
    with progress_bar() as progress:
        reached = run_corpus(progress.track(scripts, description="inputs"), firmware, board)
    covered = CoverageReport.of(reached.image, reached.data, source_coverage(reached.image, reached.data))
    by_folder = folders(covered.source)
    if json_path != "-":
        _print_sources(by_folder)
        _print_answers(reached)
        console.print(f"{reached.inputs} inputs, {len(reached.failed)} of them fail", highlight=False)
    for script in reached.failed[:_FAILED_SHOWN]:
        status_console.print(f"fails: {input_name(script)}; see `hil replay`", highlight=False, markup=False)
    if report is not None:
        status_console.print(f"report: {write_coverage(covered, report)[0]}", highlight=False, markup=False)
    write_json(json_path, _as_json(reached, by_folder))
    sys.exit(FINDINGS if reached.failed else 0)


def _print_sources(by_folder: Sequence[Folder]) -> None:
    table = plain_table("source", "lines", "", "ways of branches", " ", numbers=("lines", "", "ways of branches", " "))
    for folder in by_folder:
        table.add_row(f"[bold]{escape(folder.name)}/[/]", *_cells(folder.lines), *_cells(folder.branches))
        if folder.name in _SHOWN_BY_FILE:
            for file in folder.files:
                table.add_row(f"  {escape(file.name)}", *_cells(file.line_share), *_cells(file.branch_share))
    console.print(table)


def _cells(share: Share) -> tuple[str, str]:
    return f"{share.hit} of {share.found}", percent(share)


def _print_answers(reached: Reached) -> None:
    """A row for each operation, reached or not."""
    names = [status.name for status in Status]
    names += sorted({name for row in reached.answers.values() for name in row}.difference(names))
    table = plain_table("operation", "answers")
    for operation in [command.name for command in protocol.COMMANDS] + ["other"]:
        row = reached.answers.get(operation, {})
        table.add_row(operation, ", ".join(f"{name} {row[name]}" for name in names if name in row) or "-")
    console.print(table)


def _as_json(reached: Reached, by_folder: Sequence[Folder]) -> dict[str, Any]:
    def shares(lines: Share, branches: Share) -> dict[str, int]:
        return {"lines": lines.found, "lines_reached": lines.hit, "ways": branches.found, "ways_gone": branches.hit}

    return {
        "firmware_sha256": reached.image.sha256,
        "inputs": reached.inputs,
        "failed": [input_name(script) for script in reached.failed],
        "folders": [{"folder": f.name, **shares(f.lines, f.branches)} for f in by_folder],
        "files": [
            {"file": file.name, **shares(file.line_share, file.branch_share)} for f in by_folder for file in f.files
        ],
        "answers": reached.answers,
    }

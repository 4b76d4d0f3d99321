# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil vectors`: published test vectors."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from harness.cli.common import (
    board_option,
    console,
    firmware_option,
    json_option,
    plain_table,
    progress_bar,
    write_json,
)
from harness.cli.errors import FINDINGS
from harness.vectors import VectorsResult, run_files

FAILURES_SHOWN = 20


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@firmware_option
@board_option
@json_option
def vectors(files: tuple[Path, ...], firmware: Path | None, board: str, json_path: str | None) -> None:
    """Run CAVP, Wycheproof and ACVP files: through the window where the protocol can express a case, else by calls."""
    with progress_bar() as progress:
        task = progress.add_task("vectors", total=None)
        result = run_files(
            files, firmware, board, lambda done, total: progress.update(task, completed=done, total=total)
        )
    if json_path != "-":
        _print_vectors(result)
    write_json(json_path, result.as_json())
    sys.exit(0 if result.passed else FINDINGS)


def _print_vectors(result: VectorsResult) -> None:
    counts = ("window", "function", "failed", "unsupported")
    table = plain_table("file", "kind", "algorithm", *counts, numbers=counts)
    for file in result.files:
        numbers = (file.window, file.function, len(file.failures), sum(file.unsupported.values()))
        table.add_row(escape(file.file.name), str(file.kind), file.algorithm, *map(str, numbers))
    console.print(table)
    for file in result.files:
        for reason, cases in file.unsupported.items():
            console.print(f"{file.file.name}: {cases} not run: {reason}", highlight=False, markup=False)
        for failure in file.failures[:FAILURES_SHOWN]:
            console.print(f"{file.file.name}: {failure}", highlight=False, markup=False)
    console.print(f"{result.cases} cases, {result.failed} failed, {result.unsupported} not run", highlight=False)

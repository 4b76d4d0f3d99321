# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil matrix`: conformance on every board, one table."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from emulator.board import BOARDS
from harness.cli.common import console, json_option, plain_table, status_console, write_json
from harness.cli.errors import FINDINGS
from harness.conformance.matrix import HEADINGS, MatrixOptions, MatrixRow, cells, document, in_order, judge_boards
from harness.report.files import atomic_write

_NAMES = tuple(entry.name for entry in BOARDS)


@click.command()
@click.option("--board", "boards", type=click.Choice(_NAMES), multiple=True, help="default: every board")
@click.option("--clause", "clauses", multiple=True, metavar="ID", help="judge this clause only; may be repeated")
@click.option("--no-secrets", is_flag=True, help="leave out SEC-1 and IPC-4, which watch every request: a third faster")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="one a core",
    metavar="N",
    help="boards at a time",
)
@click.option("--document", "document_path", type=click.Path(path_type=Path, dir_okay=False), help="page to write")
@json_option
def matrix(
    boards: tuple[str, ...],
    clauses: tuple[str, ...],
    no_secrets: bool,
    jobs: int,
    document_path: Path | None,
    json_path: str | None,
) -> None:
    """Judge the contract on every board's release image; a row for each board."""
    names = boards or _NAMES
    finished: list[MatrixRow] = []
    for row in judge_boards(names, MatrixOptions(clauses, secrets=not no_secrets), min(jobs, len(names))):
        finished.append(row)
        status_console.print(f"{row.board}: judged in {row.seconds:.0f} s", highlight=False)
    rows = in_order(finished)
    if json_path != "-":
        _print(rows)
    if document_path is not None:
        atomic_write(document_path, document(rows).encode())
    write_json(json_path, [row.as_json() for row in rows])
    sys.exit(0 if all(row.passed for row in rows) else FINDINGS)


def _print(rows: tuple[MatrixRow, ...]) -> None:
    table = plain_table(*HEADINGS, numbers=("passed", "failed", "skipped", "cases", "text B", "stack B", "s"))
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    for row in rows:
        for clause in row.clauses:
            if clause.outcome != "passed":
                text = f"{row.board} {clause.id} {clause.outcome}: {clause.detail}"
                console.print(text, highlight=False, markup=False)

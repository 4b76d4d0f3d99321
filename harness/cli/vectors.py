# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil vectors`: published test vectors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

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
from harness.report.files import atomic_write
from harness.vectors import VectorError, VectorsResult, respond, run_files
from harness.vectors.runner import Progress

FAILURES_SHOWN = 20


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--respond",
    "response",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="answer one ACVP prompt; write the response for its validation server to OUT",
)
@firmware_option
@board_option
@json_option
def vectors(
    files: tuple[Path, ...], response: Path | None, firmware: Path | None, board: str, json_path: str | None
) -> None:
    """Run CAVP, Wycheproof and ACVP files: through the window where the protocol can express a case, else by calls."""
    if response is not None:
        _respond(files, response, firmware, board, json_path)
        return
    start = monotonic()
    with _progress() as progress:
        result = run_files(files, firmware, board, progress)
    if json_path != "-":
        _print_vectors(result, monotonic() - start)
    write_json(json_path, result.as_json())
    sys.exit(0 if result.passed else FINDINGS)


def _respond(files: tuple[Path, ...], response: Path, firmware: Path | None, board: str, json_path: str | None) -> None:
    """The response takes its place only when every test has been answered."""
    if len(files) != 1:
        raise VectorError(f"{len(files)} prompts for one response: give --respond one prompt at a time")
    if response.resolve() == files[0].resolve():
        raise VectorError(f"{response}: the response would replace its prompt: choose another name for --respond")
    start = monotonic()
    with _progress() as progress:
        result = respond(files[0], firmware, board, progress)
    atomic_write(response, result.encode())
    if json_path != "-":
        counts = f"{result.window} through the window, {result.function} by calls"
        text = f"{response}: {result.window + result.function} tests answered: {counts}, {monotonic() - start:.1f} s"
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    write_json(json_path, {"response": str(response), **result.as_json()})


@contextmanager
def _progress() -> Iterator[Progress]:
    """What to tell of each case that is done."""
    with progress_bar() as progress:
        task = progress.add_task("vectors", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print_vectors(result: VectorsResult, seconds: float) -> None:
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
    summary = f"{result.cases} cases, {result.failed} failed, {result.unsupported} not run"
    console.print(f"{summary}, {seconds:.1f} s", highlight=False)

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil minimize`: the smallest input that shows the same finding."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from harness.cli.common import board_option, console, firmware_option, json_option, status_console, write_json
from harness.cli.errors import FINDINGS
from harness.cli.replay import read_input
from harness.fuzz import findings_store as store
from harness.fuzz.minimize import RUNS
from harness.fuzz.replay import shorten


@click.command()
@click.argument("source", metavar="FINDING_OR_FILE", type=click.Path(path_type=Path))
@firmware_option
@board_option
@click.option("--runs", type=click.IntRange(min=1), default=RUNS, show_default=True, help="executions at most")
@click.option(
    "--findings",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="where the finding's folder goes; default: beside FINDING, or `findings` for a file",
)
@json_option
def minimize(
    source: Path, firmware: Path | None, board: str, runs: int, findings: Path | None, json_path: str | None
) -> None:
    """Make the input of a finding as small as it can be and write its folder. Exit status 1: it still fails."""
    script, kind = read_input(source)
    with status_console.status("minimising"):
        found, result = shorten(script, kind, firmware, board, runs)
    directory = findings or (source.resolve().parent if source.is_dir() else Path("findings"))
    if source.is_dir() and (directory / found.finding.id).resolve() == source.resolve():  # known and counted
        found = replace(found, original=store.load(source).original, count=0)
    folder = store.save(directory, found)
    if json_path != "-":
        rest = "" if result.complete else "; more executions might find a smaller one: give --runs"
        console.print(
            f"{folder}: {len(script)} bytes became {len(result.script)}, {result.runs} executions{rest}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    write_json(
        json_path,
        {
            "finding": found.finding.row().as_json(),
            "folder": str(folder),
            "bytes": len(result.script),
            "bytes_before": len(script),
            "executions": result.runs,
            "complete": result.complete,
        },
    )
    sys.exit(FINDINGS)

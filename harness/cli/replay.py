# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil replay`: a finding of the fuzzer once more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.common import board_option, console, firmware_option, json_option, target_option, write_json
from harness.cli.errors import FINDINGS
from harness.fuzz import findings_store as store
from harness.fuzz.listing import listing
from harness.fuzz.replay import replay as run_again
from harness.report.text import visible


def read_input(path: Path) -> tuple[bytes, str]:
    """A script and the kind of its finding: of a finding's folder, or of a file of any origin, whose kind is ''.

    Raises FindingError or OSError.
    """
    if path.is_dir():
        finding = store.load(path).finding
        return finding.script, finding.kind
    return path.read_bytes(), ""


@click.command()
@click.argument("source", metavar="FINDING", type=click.Path(path_type=Path))
@target_option
@firmware_option
@board_option
@click.option("--listing", "listed", is_flag=True, help="show the steps and each exchange")
@json_option
def replay(source: Path, target: str, firmware: Path | None, board: str, listed: bool, json_path: str | None) -> None:
    """Run a finding's folder, or any input of the fuzzer. Exit status 0: it does not fail any more; 1: it fails."""
    script, kind = read_input(source)
    result = run_again(script, kind, target, firmware, board)
    if json_path != "-":
        if listed:
            _print(listing(script, result.exchanges, result.unanswered))
        heading = f"{result.target}: {result.finding.id}\n" if result.finding else f"{result.target}: "
        _print(heading + result.text)
    write_json(json_path, result.as_json())
    sys.exit(FINDINGS if result.fails else 0)


def _print(text: str) -> None:
    console.print(visible(text), highlight=False, markup=False, soft_wrap=True)

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil diff`: random requests to two targets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.common import board_option, console, firmware_option, json_option, progress_bar, write_json
from harness.cli.errors import FINDINGS
from harness.differential.generator import Generator
from harness.differential.refused import RefusedRequests
from harness.differential.session import DiffResult, run_diff
from harness.targets.opening import open_target


@click.command()
@click.option("--count", type=click.IntRange(min=1), default=10_000, show_default=True, help="requests to send")
@click.option("--seed", type=int, default=1, show_default=True, help="the same seed sends the same requests")
@click.option("--target", default="emulated", show_default=True, help="what is judged")
@click.option("--against", default="model", show_default=True, help="the reference")
@click.option("--refused", is_flag=True, help="only requests that the checks of the header refuse")
@firmware_option
@board_option
@json_option
def diff(
    count: int,
    seed: int,
    target: str,
    against: str,
    refused: bool,
    firmware: Path | None,
    board: str,
    json_path: str | None,
) -> None:
    """Send random valid and malformed request sequences to two targets and compare every answer."""
    reference = open_target(against, firmware, board)
    judged = open_target(target, firmware, board)
    try:
        with progress_bar() as progress:
            task = progress.add_task(f"{target} against {against}", total=count)
            shown = lambda sent: progress.update(task, completed=sent)  # noqa: E731
            episodes = RefusedRequests if refused else Generator
            result = run_diff(reference, judged, count, seed, shown, episodes)
    finally:
        reference.close()
        judged.close()
    if json_path != "-":
        _print_diff(result)
    write_json(json_path, result.as_json())
    sys.exit(FINDINGS if result.differences else 0)


def _print_diff(result: DiffResult) -> None:
    console.print(f"{result.requests} requests, {result.differences} differences", highlight=False)
    if result.first is not None:
        console.print(f"first difference, shortened to {len(result.first.actions)} actions:", highlight=False)
        for action in result.first.actions:
            console.print(f"  {action}", highlight=False, markup=False)
        console.print(f"  {result.first.verdict}", highlight=False, markup=False)

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil fuzz`: a campaign against the window."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.live import Live
from rich.text import Text

from harness.cli.common import (
    board_option,
    console,
    firmware_option,
    json_option,
    plain_table,
    status_console,
    write_json,
)
from harness.cli.errors import FINDINGS, UNUSABLE
from harness.fuzz.campaign import ENGINES, Campaign, EngineName, Progress, Result
from harness.fuzz.engine import reached_text
from harness.fuzz.options import Options
from harness.fuzz.oracles import DEFAULT_ORACLES, ORACLES
from harness.targets.base import TargetError
from harness.targets.opening import default_firmware

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option(
    "--engine", type=click.Choice(ENGINES), default="libfuzzer", show_default=True, help="who makes inputs up"
)
@click.option("--time", "seconds", type=click.IntRange(min=0), default=0, metavar="S", help="stop after S seconds")
@click.option("--runs", type=click.IntRange(min=0), default=0, metavar="N", help="stop after N executions")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="workers, a core each"
)
@click.option("--corpus", type=_FOLDER, default="corpus", show_default=True, metavar="DIR", help="inputs; grows")
@click.option("--findings", type=_FOLDER, default="findings", show_default=True, metavar="DIR", help="what failed")
@click.option(
    "--oracle",
    "oracles",
    type=click.Choice(ORACLES),
    multiple=True,
    default=DEFAULT_ORACLES,
    show_default=True,
    help="what judges beside faults, hangs and malformed answers; may be given several times",
)
@click.option("--raw", is_flag=True, help="each input is one request, not a script of several")
@click.option("--length", type=click.IntRange(min=1), default=1024, show_default=True, help="longest input in bytes")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="of libFuzzer's choices; 0: another each time")
@firmware_option
@board_option
@json_option
def fuzz(
    engine: EngineName,
    seconds: int,
    runs: int,
    jobs: int,
    corpus: Path,
    findings: Path,
    oracles: tuple[str, ...],
    raw: bool,
    length: int,
    seed: int,
    firmware: Path | None,
    board: str,
    json_path: str | None,
) -> None:
    """Fuzz the window: scripts of requests against the unmodified image, without end unless told otherwise.

    Ctrl-C ends it; the same command goes on where it was.
    """
    path = firmware or default_firmware(board)
    if not path.is_file():
        raise TargetError(f"{path}: no such firmware image; build it with `make firmware` or name one with --firmware")
    options = Options(path, corpus, findings, findings / "work", board, oracles, raw, seconds, runs, length, seed, jobs)
    with Live(console=status_console, transient=True, auto_refresh=False) as live:
        quiet = not status_console.is_terminal
        result = Campaign(options, engine).run(lambda p: None if quiet else live.update(Text(_line(p)), refresh=True))
    if json_path != "-":
        _print(result, options)
    write_json(json_path, result.as_json())
    sys.exit(FINDINGS if result.findings else UNUSABLE if result.interrupted else 0)


def _line(p: Progress) -> str:
    return (
        f"{p.seconds:6.0f} s  {p.executions:,} executions, {p.per_second:,.0f}/s  {p.edges} edges  corpus {p.corpus}  "
        f"findings {p.findings}  last new edge {p.since_new_edge:.0f} s ago"
    )


def _print(result: Result, options: Options) -> None:
    table = plain_table("operation", "status", "exchanges", numbers=("exchanges",))
    for operation, statuses in reached_text(result.stats).items():
        for status, count in statuses.items():
            table.add_row(operation, status, f"{count:,}")
    console.print(table)
    console.print(_line(result.progress), highlight=False)
    for row in result.findings:
        console.print(f"{options.findings / row.id}: {row.kind}, {row.location}", highlight=False, soft_wrap=True)
    if result.unexplained:
        console.print(f"{result.unexplained} inputs failed once and not again", highlight=False)
    if result.interrupted:
        status_console.print("hil: interrupted; the same command goes on where it was", highlight=False)

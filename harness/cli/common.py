# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands share: consoles, options, progress, JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.report.files import atomic_write
from harness.targets.names import DEFAULT_BOARD, TARGET_NAMES

# Without a terminal, tables are as wide as the sources.
_WIDTH = None if sys.stdout.isatty() else 120
console = Console(width=_WIDTH)
status_console = Console(stderr=True, width=_WIDTH)

json_option = click.option("--json", "json_path", metavar="FILE", help="write the result as JSON; - is standard output")
firmware_option = click.option(
    "--firmware", type=click.Path(path_type=Path), metavar="ELF", help="firmware image; default: the release build"
)
board_option = click.option("--board", default=DEFAULT_BOARD, show_default=True, help="board to emulate")
target_option = click.option("--target", default="emulated", show_default=True, help=", ".join(TARGET_NAMES))


def write_json(path: str | None, value: object) -> None:
    """Write a result to the file that --json names; nothing without one."""
    if path is None:
        return
    text = json.dumps(value, indent=2) + "\n"
    if path == "-":
        click.echo(text, nl=False)
    else:
        atomic_write(Path(path), text.encode())


def progress_bar() -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=status_console, transient=True, disable=not status_console.is_terminal)


def plain_table(*headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table without borders; the columns named in `numbers` are set to the right."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return table

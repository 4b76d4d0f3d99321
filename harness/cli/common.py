# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands share: consoles, options, progress, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from harness.protocol.commands import KEY_STORAGE_SIZE
from harness.protocol.key_image import KeyImage
from harness.report.files import atomic_write
from harness.targets.names import DEFAULT_BOARD, TARGET_FORMS

if TYPE_CHECKING:  # it needs the emulator, which commands that import this module may have to do without
    from harness.sealing import SealingResult

# Without a terminal, tables are as wide as the sources.
_WIDTH = None if sys.stdout.isatty() else 120
console = Console(width=_WIDTH)
status_console = Console(stderr=True, width=_WIDTH)

json_option = click.option("--json", "json_path", metavar="FILE", help="write the result as JSON; - is standard output")
firmware_option = click.option(
    "--firmware", type=click.Path(path_type=Path), metavar="ELF", help="firmware image; default: the release build"
)
board_option = click.option("--board", default=DEFAULT_BOARD, show_default=True, help="board to emulate")
keys_option = click.option(
    "--keys",
    "keys_path",
    type=click.Path(path_type=Path),
    required=True,
    metavar="IMAGE",
    help="key storage image, as `hil keys new` makes it",
)
target_option = click.option("--target", default="emulated", show_default=True, help=TARGET_FORMS)


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


def byte_progress(what: str, source: Path) -> tuple[Progress, Callable[[int], None]]:
    """A bar for the bytes of a file, and what moves it; of a pipe nobody knows how much will come."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=status_console, transient=True, disable=not status_console.is_terminal)
    task = bar.add_task(what, total=source.stat().st_size if source.is_file() else None)
    return bar, lambda done: bar.update(task, completed=done)


def read_keys(path: Path) -> KeyImage:
    """A key storage image from a file. Raises KeyImageError or OSError."""
    with path.open("rb") as file:
        return KeyImage.parse(file.read(KEY_STORAGE_SIZE + 1))


def print_sealing(result: SealingResult, json_path: str | None) -> None:
    """What sealing or opening a file took, as a line, and as JSON where wanted."""
    per_byte = result.instructions_per_byte
    if json_path != "-":
        cost = "" if per_byte is None else f"{per_byte:.1f} guest instructions a byte, "
        console.print(
            f"{result.plaintext_bytes} bytes in {result.seconds:.2f} s: {result.mebibytes_per_second:.2f} MiB/s, "
            f"{cost}{result.guest_share:.1%} of the time in guest execution",
            highlight=False,
        )
    write_json(
        json_path,
        {
            "bytes": result.plaintext_bytes,
            "seconds": result.seconds,
            "service_instructions": result.effort.service_instructions,
            "gateway_instructions": result.effort.gateway_instructions,
            "instructions_per_byte": per_byte,
            "guest_share": result.guest_share,
        },
    )


def plain_table(*headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table without borders; the columns named in `numbers` are set to the right."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return table

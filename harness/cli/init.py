# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil init`: a board file for firmware of one's own."""

from __future__ import annotations

import os
from pathlib import Path

import click

from emulator.board_file import BoardFileError, read_board
from emulator.board_template import board_template
from emulator.errors import EmulatorError
from emulator.image import load_image
from harness.cli.common import console, json_option, write_json
from harness.report.files import atomic_write


@click.command()
@click.argument("firmware", type=click.Path(path_type=Path), metavar="ELF")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default="board.toml", show_default=True,
    metavar="FILE", help="where to write; its name ends in .toml",
)  # fmt: skip
@click.option("--force", is_flag=True, help="replace an existing file")
@json_option
def init(firmware: Path, output: Path, force: bool, json_path: str | None) -> None:
    """Write a board file for ELF, with comments: what the image says is filled in, the rest is marked TODO."""
    if output.suffix != ".toml":
        raise BoardFileError(f"{output}: a board file's name ends in .toml, choose another")
    if output.exists() and not force:
        raise BoardFileError(f"{output} exists; give --force to replace it")
    image = load_image(firmware, None)
    template = board_template(image, os.path.relpath(firmware.resolve(), output.resolve().parent))
    atomic_write(output, template.text.encode())
    doubt = "" if template.todo else _doubt(output)
    if json_path != "-":
        console.print(f"{output}: written", highlight=False, markup=False)
        for name in template.todo:
            console.print(f"to fill in: {name}", highlight=False, markup=False)
        console.print(doubt or f"then: hil conform --board {output}", highlight=False, markup=False)
    write_json(json_path, {"file": str(output), "todo": list(template.todo), "doubt": doubt})


def _doubt(output: Path) -> str:
    """What is wrong with a template that has nothing to fill in; empty where nothing is."""
    try:
        read_board(output)
    except EmulatorError as error:
        return f"to correct: {error}"
    return ""

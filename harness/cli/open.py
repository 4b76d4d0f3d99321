# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil open`: a sealed file through the gateway's and the service's firmware, opened."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from harness.cli.common import (
    board_option,
    byte_progress,
    firmware_option,
    json_option,
    keys_option,
    print_sealing,
    read_keys,
)
from harness.cli.errors import FINDINGS, one_line
from harness.protocol.commands import ENTROPY_SIZE
from harness.sealing import Firmware, NotAuthenticError, open_file


@click.command("open")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("destination", metavar="OUT", type=click.Path(path_type=Path))
@keys_option
@firmware_option
@board_option
@json_option
def open(
    source: Path, destination: Path, keys_path: Path, firmware: Path | None, board: str, json_path: str | None
) -> None:
    """Open the sealed file IN into OUT, which is replaced when the whole of IN has proved authentic.

    The header of IN names the key. A service remembers the nonces that it has decrypted with and opens a file once;
    each `hil open` powers on a new one, so that a file can be opened again. Exit status 1: IN is not authentic.
    """
    entropy = secrets.token_bytes(ENTROPY_SIZE)
    made = Firmware(entropy=entropy, key_image=read_keys(keys_path).build(), image=firmware, board=board)
    bar, advance = byte_progress("open", source)
    try:
        with bar:
            result = open_file(source, destination, made, advance)
    except NotAuthenticError as error:
        click.echo(f"hil: {source}: {one_line(error)}", err=True)
        sys.exit(FINDINGS)
    print_sealing(result, json_path)

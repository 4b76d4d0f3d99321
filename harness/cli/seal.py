# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil seal`: a file through the gateway's and the service's firmware, sealed."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from harness.cli.common import (
    board_option,
    byte_progress,
    entropy_option,
    firmware_option,
    json_option,
    keys_option,
    print_sealing,
    read_keys,
)
from harness.protocol.commands import ENTROPY_SIZE
from harness.sealing import Firmware, seal_file


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("destination", metavar="OUT", type=click.Path(path_type=Path))
@keys_option
@click.option("--key-id", type=click.IntRange(1, 0xFFFF_FFFF), default=1, show_default=True, help="id of an AES key")
@entropy_option
@firmware_option
@board_option
@json_option
def seal(
    source: Path,
    destination: Path,
    keys_path: Path,
    key_id: int,
    entropy: bytes | None,
    firmware: Path | None,
    board: str,
    json_path: str | None,
) -> None:
    """Seal the file IN into OUT, which is replaced when all is written.

    The file goes chunk by chunk through the emulated gateway to the emulated service, which alone has the key. Each
    chunk takes a nonce of the generator that --entropy seeds: never seal twice with the same entropy and key.
    """
    made = Firmware(
        entropy=entropy or secrets.token_bytes(ENTROPY_SIZE),
        key_image=read_keys(keys_path).build(),
        image=firmware,
        board=board,
    )
    bar, advance = byte_progress("seal", source)
    with bar:
        result = seal_file(source, destination, key_id, made, advance)
    print_sealing(result, json_path)

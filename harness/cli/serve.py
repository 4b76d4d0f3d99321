# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil serve`: the emulated service as a device for programs of this machine."""

from __future__ import annotations

from pathlib import Path

import click

from emulator.board_file import find_board
from emulator.image import load_image
from harness.cli.common import board_option, entropy_option, firmware_option, read_keys
from harness.default_keys import default_keys
from harness.serve.device import CLOCKS, ClockKind, DeviceOptions
from harness.serve.server import ServeOptions
from harness.serve.server import serve as serve_devices
from harness.targets.base import TargetError
from harness.targets.device import default_socket
from harness.targets.opening import default_firmware


@click.command()
@click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="default: hil.sock in $XDG_RUNTIME_DIR, else hil-UID.sock in /tmp",
)
@click.option(
    "--keys",
    "keys_path",
    type=click.Path(path_type=Path),
    metavar="IMAGE",
    help="key storage image, as `hil keys new` makes it; default: the keys of the bench's own tests, which are public",
)
@entropy_option
@click.option(
    "--clock",
    type=click.Choice(CLOCKS),
    default=CLOCKS[0],
    show_default=True,
    help="real: this machine's; paced: one millisecond a request, so that none is rate limited",
)
@click.option("--max-clients", type=click.IntRange(min=1), default=16, show_default=True, help="devices at a time")
@click.option("--control", is_flag=True, help="let clients set clock and keys and boot, as `--target device` needs")
@firmware_option
@board_option
def serve(
    path: Path | None,
    keys_path: Path | None,
    entropy: bytes | None,
    clock: ClockKind,
    max_clients: int,
    control: bool,
    firmware: Path | None,
    board: str,
) -> None:
    """Give each program that connects a device of its own, until Ctrl-C.

    A device is the service's image on an emulated board in a process of its own; its window is a POSIX shared-memory
    object, its doorbells are messages on the socket. docs/virtual-device.md says how programs in C and Python use it.
    """
    image_path = firmware or default_firmware(board)
    if not image_path.is_file():
        raise TargetError(f"{image_path}: no such firmware image; build it with `make firmware`")
    row = find_board(board, image_path)
    keys = default_keys() if keys_path is None else read_keys(keys_path)
    device = DeviceOptions(row, load_image(image_path, row), keys.build(), entropy, clock)
    options = ServeOptions(path or default_socket(), device, max_clients, control)
    log = lambda line: click.echo(line, err=True)  # noqa: E731
    serve_devices(options, log, lambda: click.echo(f"serving {image_path.name} at {options.path}"))

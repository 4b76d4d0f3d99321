# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil gdb`: the emulated service under gdb."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from harness.cli.common import board_option, firmware_option
from harness.cli.replay import read_input
from harness.debugging.debuggee import Debuggee
from harness.debugging.opening import at_finding, at_power_on, stub
from harness.targets.gateway import gateway_beside

PORT = 3333


@click.command()
@click.argument("finding", metavar="[FINDING]", required=False, type=click.Path(path_type=Path))
@firmware_option
@board_option
@click.option("--gateway", is_flag=True, help="the gateway as a second task, which `monitor request` gives its jobs to")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="on this machine; 0: any free one"
)
def gdb(finding: Path | None, firmware: Path | None, board: str, gateway: bool, port: int) -> None:
    """Serve the GDB remote protocol for the emulated service, from power-on, or where a FINDING shows.

    FINDING is a folder of the fuzzer's, or any input of it. Ends with Ctrl-C, or when gdb says `kill`.
    """
    from emulator.gdbserver.server import Server

    if finding is not None and gateway:
        raise click.UsageError("findings are of the service alone: leave out --gateway")
    server = Server(port)
    try:
        if finding is None:
            debuggee = at_power_on(firmware, board, gateway)
        else:
            debuggee = at_finding(*read_input(finding), firmware, board)
        try:
            click.echo(_where(debuggee, finding))
            click.echo(_line(debuggee, server.port))
            server.serve(stub(debuggee))
        finally:
            debuggee.close()
    except KeyboardInterrupt:
        click.echo("ended", err=True)
    finally:
        server.close()


def _where(debuggee: Debuggee, finding: Path | None) -> str:
    if finding is None:
        return "at power-on; in gdb, `monitor help` lists what it has no word for"
    halt = debuggee.halt
    what = f"{halt.fault}" if halt and halt.fault else halt.why if halt else "not run"
    return f"{finding}: {what}"


def _line(debuggee: Debuggee, port: int) -> str:
    """What to type in another terminal."""
    symbols = [f"add-symbol-file {_path(gateway_beside(debuggee.firmware))}"] if debuggee.gateway else []
    words = [f"-ex {shlex.quote(command)}" for command in (*symbols, f"target remote localhost:{port}")]
    return f"gdb-multiarch {_path(debuggee.firmware)} {' '.join(words)}"


def _path(path: Path) -> str:
    """As short as it can be said from here."""
    relative = os.path.relpath(path)
    return shlex.quote(min(relative, str(path), key=len))

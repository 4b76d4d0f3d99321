# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `hil`: the only part of the project that prints or exits. One module a command.

Exit status: 0 all well, 1 findings, 2 usage or environment, with one line on standard error that says what to do.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from harness.cli.errors import UNUSABLE, is_mendable, one_line
from harness.identity import identity

# Imported when they are asked for: `hil doctor` has to run where a package that another command needs is missing.
COMMANDS = (
    "analyze",
    "bench",
    "conform",
    "coverage",
    "diff",
    "doctor",
    "fuzz",
    "gdb",
    "init",
    "keys",
    "matrix",
    "minimize",
    "open",
    "replay",
    "seal",
    "serve",
    "vectors",
)


class _Commands(click.Group):
    """Finds each command in the module of its name; turns errors that a user can mend into one line and status 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"harness.cli.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("hil: interrupted; nothing was written", err=True)
            ctx.exit(UNUSABLE)
        except Exception as error:
            if not is_mendable(error):
                raise
            click.echo(f"hil: {one_line(error)}", err=True)
            ctx.exit(UNUSABLE)


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """A line for each part: name, version where it has one, SHA-256."""
    if not wanted or context.resilient_parsing:
        return
    for part in identity():
        name = f"{part.name} {part.version}".strip()
        click.echo(f"{name:36} {part.sha256 or 'missing'}")
    context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Versions, and SHA-256 of all parts.",
)
def main() -> None:
    """Test bench for security firmware: the unmodified ARM image against an independent model of its contract."""

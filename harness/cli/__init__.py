# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `hil`: the only part of the project that prints or exits. One module a command.

Exit status: 0 all well, 1 findings, 2 usage or environment, with one line on standard error that says what to do.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from harness.cli.errors import UNUSABLE, is_mendable, one_line

# Imported when they are asked for: `hil doctor` has to run where a package that another command needs is missing.
COMMANDS = (
    "analyze",
    "bench",
    "conform",
    "coverage",
    "diff",
    "doctor",
    "fuzz",
    "keys",
    "matrix",
    "minimize",
    "open",
    "replay",
    "seal",
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


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hil-bench", prog_name="hil")
def main() -> None:
    """Test bench for security firmware: the unmodified ARM image against an independent model of its contract."""

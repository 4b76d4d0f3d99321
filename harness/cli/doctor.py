# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil doctor`: the environment."""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from harness.cli.common import console, json_option, status_console, write_json
from harness.cli.errors import UNUSABLE
from harness.doctor import diagnose


@click.command()
@json_option
def doctor(json_path: str | None) -> None:
    """Check toolchain and packages, and that the emulator engine still behaves as the bench relies on."""
    with status_console.status("checking"):
        checks = diagnose()
    if json_path != "-":
        for check in checks:
            mark = "[green]ok[/]  " if check.ok else "[bold red]bad[/] "
            console.print(f"{mark}{escape(check.name)}: {escape(check.found)}", highlight=False)
            if not check.ok:
                console.print(f"     {escape(check.advice)}", highlight=False)
    write_json(json_path, [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks])
    sys.exit(0 if all(check.ok for check in checks) else UNUSABLE)

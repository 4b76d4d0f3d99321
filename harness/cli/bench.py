# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil bench`: the promised figures."""

from __future__ import annotations

import sys

import click

from harness.bench import run_bench
from harness.cli.common import console, json_option, plain_table, status_console, write_json
from harness.cli.errors import FINDINGS


@click.command()
@json_option
def bench(json_path: str | None) -> None:
    """Measure the figures that the project promises: ratios within this run, or guest instruction counts."""
    with status_console.status("measuring"):
        figures = run_bench()
    if json_path != "-":
        table = plain_table("figure", "value", "unit", "baseline", "ratio", "goal", "met")
        for figure in figures:
            met = "[green]yes[/]" if figure.met else "[bold red]no[/]"
            table.add_row(figure.name, f"{figure.value:.4g}", figure.unit, figure.baseline, *figure.judged(), met)
        console.print(table)
    write_json(json_path, [figure.as_json() for figure in figures])
    sys.exit(0 if all(figure.met for figure in figures) else FINDINGS)

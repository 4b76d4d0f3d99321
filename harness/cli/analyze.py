# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil analyze`: what only an emulator can show."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.analysis.baseline import Unmatched, compare_cost, load_baseline, unmatched_rows
from harness.analysis.constant_time import VARIANTS, Bench, Comparison
from harness.analysis.constant_time import analyze as analyze_traces
from harness.analysis.cost import BOOT, BUILDS, firmware_by_build, measure_boot, measure_cost, measure_footprint
from harness.analysis.error import AnalysisError
from harness.analysis.exercise import exercise
from harness.analysis.residue import KEPT
from harness.analysis.workloads import workloads
from harness.cli.common import (
    board_option,
    console,
    firmware_option,
    json_option,
    plain_table,
    progress_bar,
    status_console,
    write_json,
)
from harness.cli.errors import FINDINGS
from harness.model.secrets import PLACES, Place
from harness.protocol.commands import COMMANDS
from harness.report.cost import CostRow, Footprint
from harness.report.html import cost_lines
from harness.report.text import thousands, visible
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

LARGEST_SHOWN = 5


@click.group()
def analyze() -> None:
    """What only an emulator can show of the firmware."""


@analyze.command("cost")
@click.option("--build", "builds", default=",".join(BUILDS), show_default=True, help="builds to measure")
@click.option(
    "--operation",
    "operations",
    type=click.Choice([*(command.name for command in COMMANDS if command.implemented), BOOT]),
    multiple=True,
    metavar="NAME",
    help="measure this operation only; may be repeated",
)
@click.option("--seeds", type=click.IntRange(min=1), help="requests for each row; default: 100 to sign, 10 for others")
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="compare with what --json wrote earlier"
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0),
    default=2,
    show_default=True,
    metavar="PERCENT",
    help="a median that has grown by more is a finding",
)
@board_option
@json_option
def analyze_cost(
    builds: str,
    operations: tuple[str, ...],
    seeds: int | None,
    baseline: Path | None,
    threshold: float,
    board: str,
    json_path: str | None,
) -> None:
    """Count guest instructions and stack of each operation, exactly; compare builds, and with a saved run."""
    firmware = firmware_by_build(filter(None, builds.split(",")), board)
    before = load_baseline(baseline) if baseline else ()
    loads = [load for load in workloads() if not operations or load.command.name in operations]
    with progress_bar() as progress:
        task = progress.add_task("requests", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        rows = measure_cost(firmware, board, seeds, show, loads)
        rows += measure_boot(firmware, board) if not operations or BOOT in operations else ()
    if json_path != "-":
        _print_cost(rows)
        _print_footprints(measure_footprint(firmware, board))
    write_json(json_path, [row.as_json() for row in rows])
    # What was not asked for is not missing.
    before = tuple(row for row in before if row.build in firmware and (not operations or row.operation in operations))
    worse = _print_comparison(rows, before, threshold) if baseline else False
    sys.exit(FINDINGS if worse else 0)


def _print_cost(rows: tuple[CostRow, ...]) -> None:
    tails = any(row.percentile_90 for row in rows)
    texts, numbers = ["operation", "parameter set", "build"], ["min", "median", "max", "ratio", "stack"]
    if tails:
        numbers[2:2] = ["90 %", "99 %"]
    table = plain_table(*texts, *numbers, numbers=tuple(numbers))
    for line in cost_lines(rows):
        row = line.row
        counts = [row.minimum, row.median, row.maximum]
        if tails:
            counts[2:2] = [row.percentile_90 or 0, row.percentile_99 or 0]
        cells = [thousands(count) if count else "" for count in counts]
        names = (row.operation, row.parameter_set, row.build)
        table.add_row(*names, *cells, line.ratio, thousands(row.stack_bytes))
    _print_wide(table)
    console.print(
        "guest instructions from doorbell to answer, of BOOT from reset to the first wait; ratio of the medians to "
        "release; stack in bytes, at its deepest",
        highlight=False,
    )


def _print_footprints(footprints: tuple[Footprint, ...]) -> None:
    parts = ("code", "constants", "data", "bulk", "filters", "stack")
    table = plain_table("bytes of", *parts, numbers=parts)
    for entry in footprints:
        table.add_row(entry.build, *(thousands(getattr(entry, part)) for part in parts))
    console.print()
    _print_wide(table)
    for entry in footprints:
        largest = ", ".join(f"{name} {thousands(size)}" for name, size in entry.functions[:LARGEST_SHOWN])
        console.print(visible(f"largest functions of {entry.build}: {largest}"), highlight=False, markup=False)


def _print_wide(table: Table) -> None:
    """Never folded: numbers that are cut into pieces are worse than lines that a narrow terminal breaks."""
    Console(width=max(console.width, 160)).print(table)


def _print_comparison(rows: tuple[CostRow, ...], baseline: tuple[CostRow, ...], threshold: float) -> bool:
    """True with regressions. Goes to standard error, as standard output may be the JSON."""
    regressions = compare_cost(rows, baseline, threshold)
    lines = [
        f"{_row_name(found.row)}: median {thousands(found.baseline.median)} -> {thousands(found.row.median)}, "
        f"{found.percent:.1f} % more"
        for found in regressions
    ]
    unmatched = unmatched_rows(rows, baseline)
    lines += [_unmatched_text(entry) for entry in unmatched]
    compared = len(rows) - sum(entry.kind == "new" for entry in unmatched)
    lines.append(f"{len(regressions)} of {compared} medians have grown by more than {threshold:g} %")
    for text in lines:
        status_console.print(visible(text), highlight=False, markup=False)
    return bool(regressions)


def _unmatched_text(entry: Unmatched) -> str:
    where = "not in the baseline" if entry.kind == "new" else "in the baseline only"
    return f"{_row_name(entry.row)}: {where}"


def _row_name(row: CostRow) -> str:
    return " ".join(filter(None, (row.operation, row.parameter_set, row.build)))


# ---- secrets and the window ----

keeps_option = click.option(
    "--keeps",
    multiple=True,
    metavar="PLACE=VARIABLE",
    help=f"a variable that may hold secrets ({', '.join(PLACES)}); may be repeated; default: this firmware's own",
)


@analyze.command("residue")
@firmware_option
@board_option
@keeps_option
@json_option
def analyze_residue(firmware: Path | None, board: str, keeps: tuple[str, ...], json_path: str | None) -> None:
    """Search memory, registers and window for secrets behind each response (SEC-1)."""
    _watch(firmware, board, keeps, json_path, "SEC-1")


@analyze.command("double-fetch")
@firmware_option
@board_option
@json_option
def analyze_double_fetch(firmware: Path | None, board: str, json_path: str | None) -> None:
    """Find request bytes that are read twice, and change them in between to see what breaks (IPC-4)."""
    _watch(firmware, board, (), json_path, "IPC-4")


def _watch(firmware: Path | None, board: str, keeps: tuple[str, ...], json_path: str | None, clause: str) -> None:
    target = EmulatedTarget(_image(firmware, board), board)
    try:
        with progress_bar() as progress:
            task = progress.add_task("rounds", total=None)
            requests, everything = exercise(
                target, _kept(keeps), lambda done, total: progress.update(task, completed=done, total=total)
            )
    finally:
        target.close()
    findings = [finding for finding in everything if finding.clause == clause]
    if json_path != "-":
        for finding in findings:
            console.print(visible(str(finding)), highlight=False, markup=False, soft_wrap=True)
        console.print(f"{clause}: {requests} requests, {len(findings)} findings", highlight=False)
    write_json(json_path, {"requests": requests, "findings": [finding.as_json() for finding in findings]})
    sys.exit(FINDINGS if findings else 0)


def _kept(keeps: tuple[str, ...]) -> Mapping[Place, tuple[str, ...]]:
    """What --keeps says; raises AnalysisError for what is none of the places."""
    if not keeps:
        return KEPT
    kept: dict[Place, tuple[str, ...]] = {}
    for text in keeps:
        named, _equals, variable = text.partition("=")
        place = next((place for place in PLACES if place == named), None)
        if place is None or not variable:
            raise AnalysisError(f"--keeps {text!r}: write PLACE=VARIABLE, PLACE one of: {', '.join(PLACES)}")
        kept[place] = (*kept.get(place, ()), variable)
    return kept


def _image(firmware: Path | None, board: str) -> Path:
    path = firmware or default_firmware(board)
    if not path.is_file():
        raise AnalysisError(
            f"{path}: no such firmware image; build it with `make firmware` or name one with --firmware"
        )
    return path


@analyze.command("constant-time")
@firmware_option
@board_option
@click.option("--variants", type=click.IntRange(min=2), default=VARIANTS, show_default=True, help="secrets to compare")
@json_option
def analyze_constant_time(firmware: Path | None, board: str, variants: int, json_path: str | None) -> None:
    """Compare the traces of operations with other secrets: blocks entered, addresses accessed (SEC-2)."""
    bench = Bench(_image(firmware, board), board)
    try:
        with progress_bar() as progress:
            task = progress.add_task("operations", total=None)
            made = analyze_traces(bench, None, lambda n, all: progress.update(task, completed=n, total=all), variants)
    finally:
        bench.close()
    if json_path != "-":
        _print_traces(made)
    write_json(json_path, [comparison.as_json() for comparison in made])
    sys.exit(FINDINGS if any(comparison.difference for comparison in made) else 0)


def _print_traces(made: tuple[Comparison, ...]) -> None:
    table = plain_table("operation", "secret", "events", "outcome", numbers=("events",))
    for comparison in made:
        outcome = comparison.difference and f"{comparison.secret} decides {comparison.difference}"
        outcome = outcome or (comparison.skipped and f"skipped: {comparison.skipped}") or "the same"
        table.add_row(comparison.case, comparison.secret, thousands(comparison.events), escape(visible(outcome)))
    _print_wide(table)
    muted = sorted({name for comparison in made for name in comparison.muted})
    console.print(f"not looked into, as what they show is public: {', '.join(muted)}", highlight=False)

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil bench`: the promised figures; `hil bench planted`: how long the fuzzer takes to find each planted bug;
`hil bench campaign`: the fuzzer over all images; `hil bench load`: virtual devices held at full rate."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from harness.bench import PARTS, campaign, run_bench
from harness.bench.device_load import Load, hold
from harness.bench.planted import LIMIT, SEEDS, Hunt, Records, document, hunt_all
from harness.bench.workers import ENGINES
from harness.cli.common import console, json_option, plain_table, status_console, write_json
from harness.cli.errors import FINDINGS, UNUSABLE
from harness.fuzz.planted import PLANTED
from harness.report.files import atomic_write


@click.group(invoke_without_command=True)
@click.option("--only", "parts", type=click.Choice(tuple(PARTS)), multiple=True, help="default: everything")
@json_option
@click.pass_context
def bench(context: click.Context, parts: tuple[str, ...], json_path: str | None) -> None:
    """Measure the figures that the project promises: ratios within this run, guest instruction counts, rates."""
    if context.invoked_subcommand is not None:
        return
    with status_console.status("measuring"):
        figures = run_bench(parts=parts or tuple(PARTS))
    if json_path != "-":
        table = plain_table("figure", "value", "unit", "baseline", "ratio", "goal", "met")
        for figure in figures:
            met = "[green]yes[/]" if figure.met else "[bold red]no[/]"
            table.add_row(figure.name, f"{figure.value:.4g}", figure.unit, figure.baseline, *figure.judged(), met)
        console.print(table)
    write_json(json_path, [figure.as_json() for figure in figures])
    sys.exit(0 if all(figure.met for figure in figures) else FINDINGS)


@bench.command()
@click.option("--engine", "engines", type=click.Choice(tuple(ENGINES)), multiple=True, help="default: each")
@click.option("--bug", "bugs", type=click.Choice([bug.name for bug in PLANTED]), multiple=True, help="default: each")
@click.option("--seed", "seeds", type=click.IntRange(min=1), multiple=True, default=SEEDS, show_default=True)
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="seconds a hunt")
@click.option("--core", type=click.IntRange(min=0), help="pin the workers to this core")
@click.option(
    "--records",
    "records_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("build/planted.jsonl"),
    show_default=True,
    help="hunts that are over; those in it already are not repeated",
)
@click.option("--document", "document_path", type=click.Path(path_type=Path, dir_okay=False), help="table to write")
@json_option
def planted(
    engines: tuple[str, ...],
    bugs: tuple[str, ...],
    seeds: tuple[int, ...],
    limit: int,
    core: int | None,
    records_path: Path,
    document_path: Path | None,
    json_path: str | None,
) -> None:
    """Hunt every planted bug with each engine and several seeds, and write the table of times."""
    chosen = [bug for bug in PLANTED if bug.name in bugs or not bugs]
    records = Records(records_path)
    try:
        for hunt in hunt_all(chosen, engines or tuple(ENGINES), seeds, limit, core, records):
            status_console.print(_line(hunt), highlight=False)
    except KeyboardInterrupt:
        status_console.print("hil: interrupted; the same command goes on where it was", highlight=False)
        sys.exit(UNUSABLE)
    hunts = records.read()
    if document_path is not None:
        atomic_write(document_path, document(PLANTED, hunts).encode())
    write_json(json_path, [asdict(hunt) for hunt in hunts])
    sys.exit(0 if all(hunt.found for hunt in hunts) else FINDINGS)


@bench.command("campaign")
@click.option(
    "--seconds", type=click.IntRange(min=100), default=campaign.SECONDS, show_default=True, help="of all rows"
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=lambda: len(os.sched_getaffinity(0)), help="default: each core"
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/campaign"),
    show_default=True,
    help="corpora and findings",
)
@click.option("--document", "document_path", type=click.Path(path_type=Path, dir_okay=False), help="summary to write")
def run_campaign(seconds: int, jobs: int, folder: Path, document_path: Path | None) -> None:
    """Fuzz the release and the sanitized image with both engines, short requests and scripts."""
    done = []
    with status_console.status("starting") as status:
        for each in campaign.run_rows(
            campaign.ROWS,
            seconds,
            jobs,
            folder,
            lambda row, progress: status.update(f"{_row(row)}: {progress.executions} executions"),
        ):
            done.append(each)
            progress = each.result.progress
            status_console.print(f"{_row(each.row)}: {progress.executions} executions, {progress.findings} findings")
    if document_path is not None:
        atomic_write(document_path, campaign.document(done, jobs).encode())
    executions, findings = campaign.totals(done)
    console.print(f"{executions} executions, {findings} findings", highlight=False)
    sys.exit(FINDINGS if findings else 0)


def _row(row: campaign.Row) -> str:
    return f"{row.build}, {ENGINES[row.engine]}, {row.inputs}, {'+'.join(row.oracles)}"


@bench.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=600, show_default=True)
@click.option("--clients", type=click.IntRange(min=1), default=2, show_default=True, help="each with its own device")
@json_option
def load(seconds: float, clients: int, json_path: str | None) -> None:
    """Hold virtual devices at full rate beside a client that misbehaves, and look for what leaks."""
    with status_console.status("holding"):
        result = hold(seconds, clients)
    if json_path != "-":
        _print_load(result)
    write_json(json_path, asdict(result) | {"leaks": result.leaks})
    sys.exit(FINDINGS if result.leaks else 0)


def _print_load(result: Load) -> None:
    table = plain_table("", "processes", "memory", "descriptors", "window objects", numbers=("processes", "memory"))
    for name, usage in (("at the start", result.before), ("at the end", result.after), ("clients gone", result.left)):
        counts = (usage.processes, f"{usage.memory_kib} KiB", usage.descriptors, usage.objects)
        table.add_row(name, *map(str, counts))
    console.print(table)
    rate = result.executions / result.seconds
    console.print(
        f"{result.executions} exchanges in {result.seconds:.0f} s, {rate:.0f} a second, every answer checked; "
        f"{result.misbehaved} clients misbehaved meanwhile",
        highlight=False,
    )
    for leak in result.leaks:
        console.print(f"[bold red]leak[/] {leak}", highlight=False)


def _line(hunt: Hunt) -> str:
    end = "found" if hunt.found else "not found"
    others = f" (before it: {', '.join(other or 'nothing' for other in hunt.others)})" if hunt.others else ""
    where = f"{hunt.bug}, {ENGINES[hunt.engine]}, seed {hunt.seed}"
    return f"{where}: {end} after {hunt.seconds:.1f} s, {hunt.executions} executions{others}"

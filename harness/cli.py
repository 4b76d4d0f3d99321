# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `hil`: the only place that prints or exits.

Exit status: 0 all well, 1 findings, 2 usage or environment, with one line on standard error that says what to do.
"""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from emulator.errors import EmulatorError
from harness.analysis.baseline import Unmatched, compare_cost, load_baseline, unmatched_rows
from harness.analysis.cost import BUILDS, firmware_by_build, measure_cost, measure_footprint
from harness.analysis.error import AnalysisError
from harness.analysis.workloads import workloads
from harness.bench import run_bench
from harness.conformance.runner import ConformanceError, ConformanceOptions, run_conformance
from harness.differential.session import DiffResult, run_diff
from harness.doctor import diagnose
from harness.protocol.commands import AES_KEY_SIZE, COMMANDS, KEY_STORAGE_SIZE, Algorithm
from harness.protocol.key_image import KeyImage, KeyImageError, KeySlot, aes_slot
from harness.report.cost import CostRow, Footprint
from harness.report.error import ReportError
from harness.report.files import atomic_write, write_report
from harness.report.html import cost_lines
from harness.report.results import ConformanceRun
from harness.report.text import thousands, visible
from harness.sampling import Sampler
from harness.targets.base import TargetError
from harness.targets.opening import DEFAULT_BOARD, TARGET_NAMES, open_target

FINDINGS = 1
UNUSABLE = 2

LARGEST_SHOWN = 5

_ERRORS = (AnalysisError, ConformanceError, EmulatorError, KeyImageError, ReportError, TargetError, OSError)

# Without a terminal, tables are as wide as the sources.
_WIDTH = None if sys.stdout.isatty() else 120
console = Console(width=_WIDTH)
status_console = Console(stderr=True, width=_WIDTH)


class _Group(click.Group):
    """Turns the errors that a user can mend into one line and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except _ERRORS as error:
            click.echo(f"hil: {_one_line(error)}", err=True)
            ctx.exit(UNUSABLE)
        except KeyboardInterrupt:
            click.echo("hil: interrupted; nothing was written", err=True)
            ctx.exit(UNUSABLE)


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _write_json(path: str | None, value: object) -> None:
    if path is None:
        return
    text = json.dumps(value, indent=2) + "\n"
    if path == "-":
        click.echo(text, nl=False)
    else:
        atomic_write(Path(path), text.encode())


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=status_console, transient=True, disable=not status_console.is_terminal)


_json_option = click.option(
    "--json", "json_path", metavar="FILE", help="write the result as JSON; - is standard output"
)
_firmware_option = click.option(
    "--firmware", type=click.Path(path_type=Path), metavar="ELF", help="firmware image; default: the release build"
)
_board_option = click.option("--board", default=DEFAULT_BOARD, show_default=True, help="board to emulate")
_target_option = click.option("--target", default="emulated", show_default=True, help=", ".join(TARGET_NAMES))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hil-bench", prog_name="hil")
def main() -> None:
    """Test bench for security firmware: the unmodified ARM image against an independent model of its contract."""


# ---- conform ----


class _ConformProgress:
    """A pytest plugin that moves a progress bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("conformance", total=None)

    def pytest_collection_finish(self, session: Any) -> None:
        self._progress.update(self._task, total=len(session.items))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._progress.update(self._task, advance=1)


@main.command()
@_target_option
@_firmware_option
@_board_option
@click.option("--clause", "clauses", multiple=True, metavar="ID", help="judge this clause only; may be repeated")
@click.option("--full", is_flag=True, help="run the slow cases too, such as the window of 1,000,000 nonces")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="write the report here")
@click.option("--profile", is_flag=True, help="say where the time goes")
@_json_option
def conform(
    target: str,
    firmware: Path | None,
    board: str,
    clauses: tuple[str, ...],
    full: bool,
    report: Path | None,
    profile: bool,
    json_path: str | None,
) -> None:
    """Judge every clause of the contract; a table by clause, and the report."""
    options = ConformanceOptions(target, firmware, board, clauses, full)
    sampler = Sampler()
    with _progress() as progress, sampler if profile else nullcontext():
        run = run_conformance(options, [_ConformProgress(progress)])
    if json_path != "-":
        _print_conformance(run)
    if profile:
        shares = ", ".join(f"{part} {share:.0%}" for part, share in sampler.shares().items())
        status_console.print(f"time: {shares}", highlight=False)
    if report is not None:
        written = write_report(run, report)
        status_console.print(f"report: {written[0]}", highlight=False)
    _write_json(json_path, run.as_json())
    sys.exit(0 if run.passed else FINDINGS)


_OUTCOME_STYLE = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def _print_conformance(run: ConformanceRun) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("clause", "outcome", "cases", "detail"):
        table.add_column(heading, justify="right" if heading == "cases" else "left", overflow="fold")
    for clause in run.clauses:
        style = _OUTCOME_STYLE[clause.outcome]
        table.add_row(clause.id, f"[{style}]{clause.outcome}[/]", str(clause.cases), escape(clause.detail))
    console.print(table)
    counts = {outcome: sum(c.outcome == outcome for c in run.clauses) for outcome in _OUTCOME_STYLE}
    console.print(
        f"{run.target}: {counts['passed']} clauses passed, {counts['failed']} failed, {counts['skipped']} skipped; "
        f"{len(run.cases)} cases, {run.exchanges} exchanges, {run.instructions / 1e6:.0f} M guest instructions, "
        f"{run.seconds:.1f} s",
        highlight=False,
    )
    for fault in run.faults:
        console.print(fault, highlight=False, markup=False)


# ---- diff ----


@main.command()
@click.option("--count", type=click.IntRange(min=1), default=10_000, show_default=True, help="requests to send")
@click.option("--seed", type=int, default=1, show_default=True, help="the same seed sends the same requests")
@click.option("--target", default="emulated", show_default=True, help="what is judged")
@click.option("--against", default="model", show_default=True, help="the reference")
@_firmware_option
@_board_option
@_json_option
def diff(
    count: int, seed: int, target: str, against: str, firmware: Path | None, board: str, json_path: str | None
) -> None:
    """Send random valid and malformed request sequences to two targets and compare every answer."""
    reference = open_target(against, firmware, board)
    judged = open_target(target, firmware, board)
    try:
        with _progress() as progress:
            task = progress.add_task(f"{target} against {against}", total=count)
            result = run_diff(reference, judged, count, seed, lambda sent: progress.update(task, completed=sent))
    finally:
        reference.close()
        judged.close()
    if json_path != "-":
        _print_diff(result)
    _write_json(json_path, result.as_json())
    sys.exit(FINDINGS if result.differences else 0)


def _print_diff(result: DiffResult) -> None:
    console.print(f"{result.requests} requests, {result.differences} differences", highlight=False)
    if result.first is not None:
        console.print(f"first difference, shortened to {len(result.first.actions)} actions:", highlight=False)
        for action in result.first.actions:
            console.print(f"  {action}", highlight=False, markup=False)
        console.print(f"  {result.first.verdict}", highlight=False, markup=False)


# ---- keys ----


@main.group()
def keys() -> None:
    """Make, show and rotate key storage images."""


@keys.command("new")
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--aes", "aes_ids", type=click.IntRange(1, 0xFFFF_FFFF), multiple=True, help="id of an AES-256 key")
@click.option("--force", is_flag=True, help="replace an existing file")
def keys_new(image: Path, aes_ids: tuple[int, ...], force: bool) -> None:
    """Write an image with fresh random keys."""
    if image.exists() and not force:
        raise KeyImageError(f"{image} exists; give --force to replace it")
    content = KeyImage(tuple(_random_aes(key_id) for key_id in aes_ids or (1,)))
    atomic_write(image, content.build())
    _print_keys(content)


@keys.command("show")
@click.argument("image", type=click.Path(path_type=Path))
def keys_show(image: Path) -> None:
    """List the keys of an image, without their material."""
    _print_keys(_read_keys(image))


@keys.command("rotate")
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("key_id", type=click.IntRange(1, 0xFFFF_FFFF))
def keys_rotate(image: Path, key_id: int) -> None:
    """Give a key new random material and the next generation."""
    content = _read_keys(image)
    slot = content.slot(key_id)
    rotated = content.replaced(slot.rotated(_random_bytes(len(slot.material))))
    atomic_write(image, rotated.build())
    _print_keys(rotated)


def _random_bytes(size: int) -> bytes:
    return secrets.token_bytes(size)


def _random_aes(key_id: int) -> KeySlot:
    return aes_slot(key_id, _random_bytes(AES_KEY_SIZE))


def _read_keys(path: Path) -> KeyImage:
    with path.open("rb") as file:
        return KeyImage.parse(file.read(KEY_STORAGE_SIZE + 1))


def _print_keys(image: KeyImage) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("slot", "key id", "algorithm", "parameter set", "generation", "material"):
        table.add_column(heading)
    for index, slot in enumerate(image.slots):
        if slot is not None:
            algorithm = Algorithm(slot.algorithm).name
            row = (index, slot.key_id, algorithm, slot.parameter_set, slot.generation, f"{len(slot.material)} bytes")
            table.add_row(*map(str, row))
    console.print(table)


# ---- analyze ----


@main.group()
def analyze() -> None:
    """What only an emulator can show of the firmware."""


@analyze.command("cost")
@click.option("--build", "builds", default=",".join(BUILDS), show_default=True, help="builds to measure")
@click.option(
    "--operation",
    "operations",
    type=click.Choice([command.name for command in COMMANDS if command.implemented]),
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
@_board_option
@_json_option
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
    with _progress() as progress:
        task = progress.add_task("requests", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        rows = measure_cost(firmware, board, seeds, show, loads)
    if json_path != "-":
        _print_cost(rows)
        _print_footprints(measure_footprint(firmware, board))
    _write_json(json_path, [row.as_json() for row in rows])
    # What was not asked for is not missing.
    before = tuple(row for row in before if row.build in firmware and (not operations or row.operation in operations))
    worse = _print_comparison(rows, before, threshold) if baseline else False
    sys.exit(FINDINGS if worse else 0)


def _print_cost(rows: tuple[CostRow, ...]) -> None:
    tails = any(row.percentile_90 for row in rows)
    texts, numbers = ["operation", "parameter set", "build"], ["min", "median", "max", "ratio", "stack"]
    if tails:
        numbers[2:2] = ["90 %", "99 %"]
    table = Table(box=None, pad_edge=False)
    for heading in (*texts, *numbers):
        table.add_column(heading, justify="left" if heading in texts else "right")
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
        "guest instructions from doorbell to answer; ratio of the medians to release; stack in bytes, at its deepest",
        highlight=False,
    )


def _print_footprints(footprints: tuple[Footprint, ...]) -> None:
    parts = ("code", "constants", "data", "bulk", "filters", "stack")
    table = Table(box=None, pad_edge=False)
    for heading in ("bytes of", *parts):
        table.add_column(heading, justify="right" if heading in parts else "left")
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
    return f"{row.operation} {row.parameter_set} {row.build}"


# ---- bench ----


@main.command()
@_json_option
def bench(json_path: str | None) -> None:
    """Measure the figures that the project promises: ratios within this run, or guest instruction counts."""
    with status_console.status("measuring"):
        figures = run_bench()
    if json_path != "-":
        table = Table(box=None, pad_edge=False)
        for heading in ("figure", "value", "unit", "baseline", "ratio", "goal", "met"):
            table.add_column(heading, overflow="fold")
        for figure in figures:
            met = "[green]yes[/]" if figure.met else "[bold red]no[/]"
            table.add_row(figure.name, f"{figure.value:.4g}", figure.unit, figure.baseline, *figure.judged(), met)
        console.print(table)
    _write_json(json_path, [figure.as_json() for figure in figures])
    sys.exit(0 if all(figure.met for figure in figures) else FINDINGS)


# ---- doctor ----


@main.command()
@_json_option
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
    _write_json(json_path, [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks])
    sys.exit(0 if all(check.ok for check in checks) else UNUSABLE)

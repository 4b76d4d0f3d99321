# SPDX-License-Identifier: GPL-2.0-or-later
"""What each operation costs: guest instructions from doorbell to answer, and stack, for each build of the firmware.

Exact and repeatable: the same image and seeds give the same numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median_low

from emulator.board_file import find_board
from emulator.image import load_image
from harness.analysis.error import AnalysisError
from harness.analysis.footprint import footprint
from harness.analysis.stack import StackGauge
from harness.analysis.workloads import Draw, Session, Workload, workloads
from harness.protocol.commands import ENTROPY_SIZE
from harness.protocol.key_image import KeyImage
from harness.report.cost import CostRow, Footprint
from harness.targets.base import TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

BUILDS = ("release", "debug", "fips")

# The name of the rows that no request belongs to: from reset to the first wait.
BOOT = "BOOT"

# Stack is measured for the first seeds alone: hooks slow the run down, and which functions call which does not depend
# on the data, but for the turns of the rejection loops, which each go as deep as the first.
STACK_SEEDS = 2

# In the first turn the service sees its key for the first time; the second costs what every later one does.
TURNS = 2

# Fewer counts than this have no meaningful 99th percentile.
PERCENTILE_COUNTS = 100

Progress = Callable[[int, int], None]


def firmware_by_build(builds: Iterable[str], board_name: str = DEFAULT_BOARD) -> dict[str, Path]:
    """Where `make firmware` puts the images of `builds`.

    Raises AnalysisError for one that is not there, EmulatorError for an unknown board.
    """
    find_board(board_name)
    paths = {build: default_firmware(board_name, build) for build in builds}
    if not paths:
        raise AnalysisError(f"no build is named; name one or more of: {', '.join(BUILDS)}")
    for build, path in paths.items():
        if not path.is_file():
            raise AnalysisError(f"{path}: no image of build {build!r}; run `make -C firmware BUILD={build}`")
    return paths


def measure_cost(
    firmware: Mapping[str, Path],
    board_name: str = DEFAULT_BOARD,
    seeds: int | None = None,
    progress: Progress | None = None,
    loads: Sequence[Workload] | None = None,
    stack_seeds: int = STACK_SEEDS,
) -> tuple[CostRow, ...]:
    """A row for each workload and build, builds of one workload together in the order of `firmware`.

    `seeds` overrides how many seeds each workload asks for; `progress` is told of seeds done and seeds in all. Without
    `stack_seeds` the stack is not measured. Raises AnalysisError when an image is not of the build it is given for or
    does not do an operation.
    """
    chosen = workloads() if loads is None else tuple(loads)
    counts = [seeds or load.seeds for load in chosen]
    done, total = 0, len(firmware) * sum(counts)
    rows: dict[str, list[CostRow]] = {}

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    for build, path in firmware.items():
        target = EmulatedTarget(path, board_name)
        try:
            _check_build(target, build, path)
            rows[build] = _measure(target, build, chosen, counts, stack_seeds, step)
        finally:
            target.close()
    return tuple(rows[build][index] for index in range(len(chosen)) for build in firmware)


def measure_boot(firmware: Mapping[str, Path], board_name: str = DEFAULT_BOARD) -> tuple[CostRow, ...]:
    """A row for each build: from reset to the first wait, self-tests included. Raises AnalysisError as measure_cost."""
    return tuple(_boot_row(build, path, board_name) for build, path in firmware.items())


def _boot_row(build: str, path: Path, board_name: str) -> CostRow:
    target = EmulatedTarget(path, board_name)
    try:
        _check_build(target, build, path)
        with StackGauge(target.machine) as gauge:
            _boot(target, Draw(0))
        count = target.last_instructions
        return CostRow(BOOT, "", build, count, count, count, gauge.deepest)
    finally:
        target.close()


def measure_footprint(firmware: Mapping[str, Path], board_name: str = DEFAULT_BOARD) -> tuple[Footprint, ...]:
    """The memory that the image of each build takes."""
    rows = {build: find_board(board_name, path) for build, path in firmware.items()}
    return tuple(footprint(load_image(path, rows[build]), rows[build], build) for build, path in firmware.items())


def _check_build(target: EmulatedTarget, build: str, path: Path) -> None:
    if target.build_kind not in (build, "unknown"):
        raise AnalysisError(f"{path}: says that it is a {target.build_kind} build, not {build}; build it again")


def _measure(
    target: EmulatedTarget,
    build: str,
    loads: Sequence[Workload],
    seeds: Sequence[int],
    stack_seeds: int,
    step: Callable[[], None],
) -> list[CostRow]:
    """A row for each workload. Seed by seed, so that the target boots once for a seed and is restored from then on."""
    counts: list[list[int]] = [[] for _ in loads]
    stack = [0] * len(loads)
    with ExitStack() as hooks:
        gauge = hooks.enter_context(StackGauge(target.machine))
        for seed in range(max(seeds, default=0)):
            if seed == stack_seeds:
                hooks.close()
            for index, load in enumerate(loads):
                if seed < seeds[index]:
                    count, deepest = _count(target, load, Draw(seed), gauge)
                    counts[index].append(count)
                    stack[index] = max(stack[index], deepest)
                    step()
    return [cost_row(load, build, counts[index], stack[index]) for index, load in enumerate(loads)]


def _count(target: EmulatedTarget, load: Workload, draw: Draw, gauge: StackGauge) -> tuple[int, int]:
    """Instructions of the last turn's request behind a fresh boot, and the deepest stack of all turns' requests.

    A gauge that is no longer attached sees the stack at rest.
    """
    deepest = 0
    slot = load.slot(draw)
    _boot(target, draw)
    target.write_key_image(KeyImage((slot,)).build())
    for turn in range(TURNS):
        session = Session(target, slot, draw, turn)
        request = load.request(session)
        session.settle()
        gauge.reset()
        session.ask(load.command, request)
        deepest = max(deepest, gauge.deepest)
    return target.last_instructions, deepest


def _boot(target: EmulatedTarget, draw: Draw) -> None:
    """Without keys, as those differ by workload: the service looks for one when a request needs it, and not before."""
    try:
        target.boot(draw.bytes("entropy", ENTROPY_SIZE), b"")
    except TargetStopped as stopped:
        raise AnalysisError(f"{stopped.description.splitlines()[0]}; run `hil conform` first") from None


def cost_row(load: Workload, build: str, counts: Sequence[int], stack_bytes: int) -> CostRow:
    """The statistics of at least one count; each is one of the counts themselves."""
    ordered = sorted(counts)
    many = len(ordered) >= PERCENTILE_COUNTS
    return CostRow(
        operation=load.command.name,
        parameter_set=load.parameter_set,
        build=build,
        minimum=ordered[0],
        median=median_low(ordered),
        maximum=ordered[-1],
        stack_bytes=stack_bytes,
        percentile_90=percentile(ordered, 90) if many else None,
        percentile_99=percentile(ordered, 99) if many else None,
    )


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The smallest of the ascending counts that at least `percent` % of them do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

# SPDX-License-Identifier: GPL-2.0-or-later
"""What each operation costs: guest instructions from doorbell to answer, and stack, for each build of the firmware.

Exact and repeatable: the same image and seeds give the same numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median_low

from emulator.board import board
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

BUILDS = ("release", "debug")

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
    board(board_name)
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
) -> tuple[CostRow, ...]:
    """A row for each workload and build, builds of one workload together in the order of `firmware`.

    `seeds` overrides how many seeds each workload asks for; `progress` is told of seeds done and seeds in all. Raises
    AnalysisError when an image is not of the build it is given for or does not do an operation.
    """
    chosen = workloads() if loads is None else tuple(loads)
    counts = [seeds or load.seeds for load in chosen]
    done, total = 0, len(firmware) * sum(counts)
    rows: dict[tuple[int, str], CostRow] = {}

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    for build, path in firmware.items():
        target = EmulatedTarget(path, board_name)
        try:
            _check_build(target, build, path)
            for index, (load, count) in enumerate(zip(chosen, counts, strict=True)):
                rows[index, build] = _measure(target, build, load, count, step)
        finally:
            target.close()
    return tuple(rows[index, build] for index in range(len(chosen)) for build in firmware)


def measure_footprint(firmware: Mapping[str, Path], board_name: str = DEFAULT_BOARD) -> tuple[Footprint, ...]:
    """The memory that the image of each build takes."""
    row = board(board_name)
    return tuple(footprint(load_image(path, row), row, build) for build, path in firmware.items())


def _check_build(target: EmulatedTarget, build: str, path: Path) -> None:
    if target.build_kind not in (build, "unknown"):
        raise AnalysisError(f"{path}: says that it is a {target.build_kind} build, not {build}; build it again")


def _measure(target: EmulatedTarget, build: str, load: Workload, seeds: int, step: Callable[[], None]) -> CostRow:
    counts: list[int] = []
    stack = 0
    with ExitStack() as hooks:
        gauge = hooks.enter_context(StackGauge(target.machine))
        for seed in range(seeds):
            if seed == STACK_SEEDS:
                hooks.close()
            count, deepest = _count(target, load, Draw(seed), gauge)
            counts.append(count)
            stack = max(stack, deepest)
            step()
    return cost_row(load, build, counts, stack)


def _count(target: EmulatedTarget, load: Workload, draw: Draw, gauge: StackGauge) -> tuple[int, int]:
    """Instructions of the last turn's request behind a fresh boot, and the deepest stack of all turns' requests.

    A gauge that is no longer attached sees the stack at rest.
    """
    deepest = 0
    slot = load.slot(draw)
    try:
        target.boot(draw.bytes("entropy", ENTROPY_SIZE), KeyImage((slot,)).build())
    except TargetStopped as stopped:
        raise AnalysisError(f"{stopped.description.splitlines()[0]}; run `hil conform` first") from None
    for turn in range(TURNS):
        session = Session(target, slot, draw, turn)
        request = load.request(session)
        session.settle()
        gauge.reset()
        session.ask(load.command, request)
        deepest = max(deepest, gauge.deepest)
    return target.last_instructions, deepest


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

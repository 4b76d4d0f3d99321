# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process of any engine needs before its first input: target, executor, oracles, and a way to tell what failed.

A worker only keeps the inputs that failed, as sightings; whoever runs the campaign repeats, explains and shortens them.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from harness.fuzz.engine import Engine, StatsFile
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.options import Options
from harness.fuzz.oracles import RESIDUE_INTERVAL, Judges
from harness.report.files import atomic_write
from harness.targets.emulated import EmulatedTarget


def stats_path(options: Options, number: int) -> Path:
    """Where worker `number` counts."""
    return options.work / f"worker-{number}.stats"


def sightings_folder(options: Options) -> Path:
    """Where workers put inputs that failed."""
    return options.work / "sightings"


def make_executor(options: Options) -> Executor:
    """A target with the executor that the options ask for. Raises TargetError, EmulatorError or TargetStopped."""
    return Executor(EmulatedTarget(options.firmware, options.board), options.raw, "fetch" in options.oracles)


def make_judges(executor: Executor, options: Options, residue_interval: int = RESIDUE_INTERVAL) -> Judges:
    """The oracles that the options ask for."""
    return Judges(executor, options.oracles, residue_interval)


def make_engine(options: Options, number: int) -> Engine:
    """The engine of this process, which is worker `number` of a campaign."""
    executor = make_executor(options)
    make_judges(executor, options)
    folder = sightings_folder(options)
    folder.mkdir(parents=True, exist_ok=True)

    def report(_verdict: Verdict, script: bytes) -> None:
        atomic_write(folder / f"{sha256(script).hexdigest()[:24]}.bin", script)

    return Engine(executor, StatsFile(stats_path(options, number), create=True), report, options.raw)

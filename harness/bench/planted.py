# SPDX-License-Identifier: GPL-2.0-or-later
"""How long each engine takes to its first finding of each planted bug.

A hunt is one worker on one core, with every oracle, from the first corpus alone; it is over with the first input that
shows the bug as what it is, seen once more on an executor of this process, or with its time. Hunts go to a file as they
end, so that what was interrupted goes on.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from harness.bench.workers import ENGINES, executions, last_words, workers
from harness.fuzz.error import FuzzError
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.options import Options
from harness.fuzz.oracles import Judges
from harness.fuzz.patched import build_patched
from harness.fuzz.place import locate
from harness.fuzz.planted import PlantedBug
from harness.fuzz.replay import judged
from harness.fuzz.worker import sightings_folder
from harness.installation import CHECKOUT, PACKAGE
from harness.targets.names import DEFAULT_BOARD

PATCHES: Final = (CHECKOUT or PACKAGE) / "tests" / "planted"
ORACLES: Final = ("model", "fetch", "residue")
LIMIT: Final = 600  # seconds of a hunt
SEEDS: Final = (1, 2, 3)

_POLL: Final = 0.05  # seconds
_NO_ANSWER_AT_ALL: Final = "unanswered"  # the one kind that a planted bug's kind takes in: malformed


@dataclass(frozen=True, slots=True)
class Hunt:
    """One worker behind one bug. `seconds` and `executions` are up to the finding, or all where it was not `found`.

    `script` is the input that showed the bug, as hexadecimal digits; `others` are the kinds of findings before it.
    """

    bug: str
    engine: str
    seed: int
    limit: int
    found: bool
    seconds: float
    executions: int
    script: str = ""
    others: tuple[str, ...] = ()


class Records:
    """Hunts that are over, in a file of a JSON object a line; a repeated one counts as it was the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Hunt, ...]:
        """Every hunt, each once."""
        if not self._path.exists():
            return ()
        values = [json.loads(line) for line in self._path.read_text("utf-8").splitlines()]
        hunts = [Hunt(**{**value, "others": tuple(value["others"])}) for value in values]
        return tuple({(hunt.bug, hunt.engine, hunt.seed): hunt for hunt in hunts}.values())

    def add(self, hunt: Hunt) -> None:
        """Append one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(hunt)) + "\n")

    def has(self, bug: str, engine: str, seed: int, limit: int) -> bool:
        """Whether this hunt need not be repeated: the bug was found, or not within as much time."""
        done = [hunt for hunt in self.read() if (hunt.bug, hunt.engine, hunt.seed) == (bug, engine, seed)]
        return any(hunt.found or hunt.limit >= limit for hunt in done)


def hunt_all(
    bugs: Sequence[PlantedBug],
    engines: Sequence[str],
    seeds: Sequence[int],
    limit: int,
    core: int | None,
    records: Records,
) -> Iterator[Hunt]:
    """Every hunt that `records` lacks, as it ends; all bugs with one seed before any with the next.

    Images are built when they are needed, each once. Raises PatchError, FuzzError, TargetError or EmulatorError.
    """
    if CHECKOUT is None:
        raise FuzzError("the planted bugs are patches in a checkout's tests/planted: run this there")
    images: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as built:
        for seed in seeds:
            for engine in engines:
                for bug in bugs:
                    if records.has(bug.name, engine, seed, limit):
                        continue
                    if bug.name not in images:
                        folder = Path(built, bug.name)
                        folder.mkdir()
                        images[bug.name] = build_patched(PATCHES / bug.patch, bug.build, folder)
                    done = hunt(bug, images[bug.name], engine, seed, limit, core)
                    records.add(done)
                    yield done


def hunt(bug: PlantedBug, image: Path, engine: str, seed: int, limit: int, core: int | None) -> Hunt:
    """One hunt in the patched image. Raises FuzzError where the worker cannot work."""
    with tempfile.TemporaryDirectory() as folder, judged("", image, DEFAULT_BOARD) as (executor, judges):
        work = Path(folder, "work")
        work.mkdir()
        options = Options(
            image, Path(folder, "corpus"), Path(folder, "findings"), work, oracles=ORACLES, seconds=limit, seed=seed
        )
        others: list[str] = []
        with workers(engine, options, [core]) as (worker,):
            # Files tell the time by this clock, with which it has to be compared.
            began = time.time()
            for path in _sightings(options, worker, began + limit):
                count = executions(options, 0)
                kind = _kind(executor, judges, path.read_bytes())
                if kind == bug.kind:
                    seconds = path.stat().st_mtime - began
                    script = path.read_bytes().hex()
                    return Hunt(bug.name, engine, seed, limit, True, seconds, count, script, tuple(others))
                others.append(kind)
            count = executions(options, 0)
            if count == 0:
                raise FuzzError(f"{ENGINES[engine]} has run nothing: {last_words(engine, options, 0)}")
            return Hunt(bug.name, engine, seed, limit, False, time.time() - began, count, "", tuple(others))


def _sightings(options: Options, worker: subprocess.Popen[bytes], end: float) -> Iterator[Path]:
    """What the worker reports as failed, in that order, until it has ended or `end` (seconds since 1970) is there."""
    told: set[Path] = set()
    going = True
    while going:
        going = worker.poll() is None and time.time() < end
        fresh = set(sightings_folder(options).glob("[!.]*")) - told
        yield from sorted(fresh, key=lambda path: path.stat().st_mtime_ns)
        told |= fresh
        time.sleep(_POLL)


def _kind(executor: Executor, judges: Judges, script: bytes) -> str:
    """What a script shows, in the words of PlantedBug; empty where it shows nothing here."""
    verdict = executor.run(script)
    if verdict is Verdict.PASS:
        return ""
    kind = locate(executor, verdict, judges).kind
    return "malformed" if kind == _NO_ANSWER_AT_ALL else kind


# ---- the table ----

_HEAD: Final = """# Planted bugs, by time to the first finding

Generated by `make fuzz-table`. Each bug is a patch in `tests/planted/`; it is hunted by one worker on one core with
every oracle, from the first corpus alone, with up to {seeds} seeds an engine and for {limit} seconds at most. The time
counts from the start of the worker's process, boot included, to the first input that shows the bug as what it is.
Seconds vary with the machine and what else it does.

| bug | found as | engine | found | seconds, median | seconds, most | executions, median |
| --- | --- | --- | --- | --- | --- | --- |
"""


def document(bugs: Iterable[PlantedBug], hunts: Sequence[Hunt]) -> str:
    """The table in Markdown: a row for each bug and engine, over those hunts that have found it."""
    seeds = len({hunt.seed for hunt in hunts})
    limits = sorted({hunt.limit for hunt in hunts})
    text = _HEAD.format(seeds=seeds, limit=" or ".join(map(str, limits)))
    for bug in bugs:
        for engine, title in ENGINES.items():
            mine = [hunt for hunt in hunts if (hunt.bug, hunt.engine) == (bug.name, engine)]
            if mine:
                text += f"| {bug.name} | {bug.kind} | {title} | {_row(mine)} |\n"
    return text + _totals(hunts)


def _row(hunts: Sequence[Hunt]) -> str:
    found = [hunt for hunt in hunts if hunt.found]
    share = f"{len(found)} of {len(hunts)}"
    if not found:
        return f"{share} | | |"
    times = [hunt.seconds for hunt in found]
    typical = median(hunt.executions for hunt in found)
    return f"{share} | {median(times):.1f} | {max(times):.1f} | {typical:.0f}"


def _totals(hunts: Sequence[Hunt]) -> str:
    lines = []
    for engine, title in ENGINES.items():
        mine = [hunt for hunt in hunts if hunt.engine == engine]
        found = [hunt for hunt in mine if hunt.found]
        if mine:
            lines.append(f"{title}: {len(found)} of {len(mine)} hunts have found their bug.")
    return "\n" + "\n".join(lines) + "\n"

# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign: workers of an engine, what they tell, and what becomes of the inputs that failed.

Corpus and findings are whole at every moment; a campaign that was interrupted goes on where it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.fuzz import afl, libfuzzer
from harness.fuzz import findings_store as store
from harness.fuzz.engine import Stats
from harness.fuzz.engine import read_stats as read_worker
from harness.fuzz.error import FuzzError
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.finding import KINDS, observe, tool_version
from harness.fuzz.options import Options
from harness.fuzz.oracles import Judges
from harness.fuzz.replay import minimized
from harness.fuzz.script import encode, literal, send_raw
from harness.fuzz.worker import make_executor, make_judges, sightings_folder, stats_path
from harness.report.campaign import write_campaign
from harness.report.findings import CampaignRun, FindingRow

EngineName = Literal["libfuzzer", "afl"]
ENGINES: Final[tuple[EngineName, ...]] = ("libfuzzer", "afl")
INTERVAL: Final = 1.0  # seconds between two looks at the workers
_MINIMISING_RUNS: Final = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a campaign stands; `edges` is the most that one worker has seen, `since_new_edge` in seconds."""

    seconds: float = 0.0
    executions: int = 0
    per_second: float = 0.0
    edges: int = 0
    corpus: int = 0
    findings: int = 0
    since_new_edge: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a campaign came to. `unexplained` counts inputs that failed once and not again."""

    progress: Progress
    stats: Stats
    findings: tuple[FindingRow, ...]
    unexplained: int
    interrupted: bool

    def as_json(self) -> dict[str, object]:
        """The shape that `hil fuzz --json` promises."""
        return {
            "executions": self.progress.executions,
            "executions_per_second": self.progress.per_second,
            "edges": self.progress.edges,
            "corpus": self.progress.corpus,
            "findings": [row.as_json() for row in self.findings],
        }


class Triage:
    """Repeats, explains and shortens the inputs that workers put aside; keeps one finding for each cause."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._folder = sightings_folder(options)
        # Findings are scripts, whatever they were found by.
        self._executor: Executor = make_executor(replace(options, raw=False), fetch_interval=1)
        self._judges: Judges = make_judges(self._executor, options, residue_interval=1)
        self.found: dict[str, FindingRow] = {}
        self.unexplained = 0

    def close(self) -> None:
        """Release the executor."""
        self._executor.close()

    @property
    def build(self) -> str:
        """What the image says of its build."""
        return self._executor.target.build_kind

    @property
    def firmware_sha256(self) -> str:
        """Of the image."""
        return self._executor.target.image.sha256

    def take(self) -> None:
        """Deal with all that has been put aside so far."""
        for path in sorted(self._folder.glob("*.bin")) if self._folder.is_dir() else ():
            self._take(path.read_bytes())
            path.unlink()

    def _take(self, script: bytes) -> None:
        if self._options.raw:
            script = encode([*literal(script), send_raw()])
        verdict = self._executor.run(script)
        if verdict is Verdict.PASS:
            self.unexplained += 1
            return
        finding = observe(self._executor, script, verdict, self._judges)
        runs = 1 if finding.id in self.found else _MINIMISING_RUNS
        stored, _ = minimized(self._executor, finding, self._judges, runs)
        folder = store.save(self._options.findings, stored)
        self.found[finding.id] = store.load(folder).row


class Campaign:
    """One run of an engine with `options.jobs` workers, each on a core of its own while there are enough."""

    def __init__(self, options: Options, engine: EngineName = "libfuzzer") -> None:
        self._options = options
        self._engine = engine
        self._module = afl if engine == "afl" else libfuzzer
        self._started = time.monotonic()
        self._newest_edge = self._started
        self._last = Progress()

    def run(self, tell: Callable[[Progress], None] = lambda _: None) -> Result:
        """Fuzz until the time or the number of runs is over, or Ctrl-C; `tell` hears of it once a second.

        Raises FuzzError when a worker fails or a tool is missing, and what making a target raises.
        """
        self._options.work.mkdir(parents=True, exist_ok=True)
        triage = Triage(self._options)
        interrupted = False
        try:
            try:
                self._supervise(triage, tell)
            except KeyboardInterrupt:
                interrupted = True
            triage.take()
            return self._finish(triage, interrupted)
        finally:
            triage.close()

    def _supervise(self, triage: Triage, tell: Callable[[Progress], None]) -> None:
        self._started = self._newest_edge = time.monotonic()
        with self._module.running(self._options) as workers:
            while any(worker.poll() is None for worker in workers):
                time.sleep(INTERVAL)
                triage.take()
                tell(self._look(triage))
        for number, worker in enumerate(workers):
            if worker.returncode != 0:
                raise FuzzError(self._module.failure(self._options, number))

    def _look(self, triage: Triage) -> Progress:
        stats = read_stats(self._options)
        now = time.monotonic()
        seconds = now - self._started
        if stats.edges > self._last.edges:
            self._newest_edge = now
        step = seconds - self._last.seconds
        self._last = Progress(
            seconds=seconds,
            executions=stats.executions,
            per_second=(stats.executions - self._last.executions) / step if step > 0 else 0.0,
            edges=max(stats.edges, self._last.edges),
            corpus=self._corpus_size(),
            findings=len(triage.found),
            since_new_edge=now - self._newest_edge,
        )
        return self._last

    def _corpus_size(self) -> int:
        if self._engine == "afl":
            return len(afl.queue(self._options))
        return sum(1 for _ in os.scandir(self._options.corpus)) if self._options.corpus.is_dir() else 0

    def _finish(self, triage: Triage, interrupted: bool) -> Result:
        last = self._look(triage)
        total = replace(last, per_second=last.executions / last.seconds if last.seconds else 0.0)
        rows = tuple(triage.found.values())
        write_campaign(
            CampaignRun(
                firmware=str(self._options.firmware),
                firmware_sha256=triage.firmware_sha256,
                firmware_build=triage.build,
                tool_version=tool_version(),
                kinds=KINDS,
                findings=rows,
                executions=last.executions,
                seconds=last.seconds,
            ),
            self._options.findings,
        )
        return Result(total, read_stats(self._options), rows, triage.unexplained, interrupted)


def read_stats(options: Options) -> Stats:
    """The numbers of all workers together; `edges` is the most that one of them has seen."""
    executions = findings = edges = newest = 0
    reached: dict[tuple[int, int], int] = {}
    for number in range(options.jobs):
        stats = read_worker(stats_path(options, number))
        executions += stats.executions
        findings += stats.findings
        edges, newest = max((edges, newest), (stats.edges, stats.last_new_edge))
        for code, status, count in stats.reached:
            reached[code, status] = reached.get((code, status), 0) + count
    return Stats(executions, findings, edges, newest, tuple((*key, count) for key, count in sorted(reached.items())))

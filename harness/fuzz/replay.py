# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding's script once more: on the executor, or on any other target, where the model judges the answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.fuzz.difference import first_difference
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.fuzz.finding import Finding, FindingError, observe, same_finding
from harness.fuzz.findings_store import StoredFinding
from harness.fuzz.interpreter import interpret
from harness.fuzz.listing import listing
from harness.fuzz.minimize import RUNS, Minimized, minimize
from harness.fuzz.oracles import Judges
from harness.fuzz.place import NO_ANSWER, Oracle
from harness.targets.base import Target, TargetError
from harness.targets.emulated import EmulatedTarget
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware, open_target

EMULATED: Final = "emulated"

# Guest instructions for minimising, a few minutes' worth, and the runs that are made whatever they take.
_INSTRUCTIONS: Final = 40_000_000_000
_RUNS_LEAST: Final = 32

# What is seen from inside alone: another target answers as usual.
_INSIDE: Final = ("double-fetch", "residue", "sanitizer")


@dataclass(frozen=True, slots=True)
class Replay:
    """`text` is one or several lines that say what came out; `finding` is what the executor has seen, if it failed.

    `unanswered`: the last exchange has no sound answer.
    """

    target: str
    fails: bool
    text: str
    exchanges: tuple[Exchange, ...]
    finding: Finding | None = None
    unanswered: bool = False

    def as_json(self) -> dict[str, object]:
        """The shape that `hil replay --json` promises."""
        found = self.finding.row().as_json() if self.finding else None
        return {
            "target": self.target,
            "fails": self.fails,
            "text": self.text,
            "exchanges": len(self.exchanges),
            "finding": found,
        }


def replay(
    script: bytes,
    kind: str = "",
    target: str = EMULATED,
    firmware: Path | None = None,
    board: str = DEFAULT_BOARD,
) -> Replay:
    """Run the script on a target by name. `kind` is that of the finding, empty where it is not known.

    Raises FindingError where the target cannot do what the script does or see what the finding is about, TargetError
    for a target that cannot be opened.
    """
    if target == EMULATED:
        with judged(kind, firmware, board) as (executor, oracle):
            return _on_executor(executor, oracle, script)
    opened = open_target(target, firmware, board)
    try:
        return on_target(opened, script, kind)
    finally:
        opened.close()


@contextmanager
def judged(kind: str, firmware: Path | None, board: str) -> Iterator[tuple[Executor, Judges]]:
    """An executor with what is needed to see a finding of this kind: the model, and the watch over fetches.

    Raises TargetError without an image.
    """
    path = firmware or default_firmware(board)
    if not path.is_file():
        raise TargetError(f"{path}: no such firmware image; build it with `make firmware` or name one with --firmware")
    executor = Executor(EmulatedTarget(path, board), watch_interval=1 if kind in ("", "double-fetch") else 0)
    try:
        oracles = ("model", "residue") if kind in ("", "residue") else ("model",)
        yield executor, Judges(executor, oracles, residue_interval=1)
    finally:
        executor.close()


def _on_executor(executor: Executor, oracle: Judges, script: bytes) -> Replay:
    verdict = executor.run(script)
    exchanges = tuple(executor.exchanges)
    if verdict is Verdict.PASS:
        return Replay(EMULATED, False, "passed: every answer as the model demands", exchanges)
    finding = observe(executor, script, verdict, oracle)
    return Replay(EMULATED, True, finding.report, exchanges, finding, finding.kind in NO_ANSWER)


def on_target(target: Target, script: bytes, kind: str = "") -> Replay:
    """Run the script by the interface that all targets share. See `replay`."""
    if kind in _INSIDE:
        raise FindingError(
            f"a finding of the kind {kind} cannot be seen on target {target.name}: replay it on emulated"
        )
    run = interpret(script, target)
    answered = run.exchanges[:-1] if run.failure else run.exchanges
    difference = first_difference(answered)
    if difference is not None:
        return Replay(target.name, True, difference.explain(), run.exchanges)
    if run.failure:
        return Replay(
            target.name, True, f"exchange {len(run.exchanges)}: {run.failure}", run.exchanges, unanswered=True
        )
    if run.undone:
        raise FindingError(f"{run.undone}, and nothing was wrong before it: replay it on emulated")
    return Replay(target.name, False, "passed: every answer as the model demands", run.exchanges)


def shorten(
    script: bytes, kind: str, firmware: Path | None, board: str, runs: int = RUNS
) -> tuple[StoredFinding, Minimized]:
    """The finding that a script shows, with the smallest script that shows the same, and how that was found.

    Raises FindingError for a script that passes.
    """
    with judged(kind, firmware, board) as (executor, oracle):
        verdict = executor.run(script)
        if verdict is Verdict.PASS:
            raise FindingError(
                "the input does not fail on this firmware: name the one that it was found on by --firmware"
            )
        return minimized(executor, observe(executor, script, verdict, oracle), oracle, runs)


def minimized(
    executor: Executor, finding: Finding, oracle: Oracle | None = None, runs: int = RUNS
) -> tuple[StoredFinding, Minimized]:
    """Make a finding's script as small as it can be, and what is to be stored of it.

    The executor gets no more runs than _INSTRUCTIONS are enough for: a hang takes all that its operation may.
    """
    executor.run(finding.script)
    affordable = max(_RUNS_LEAST, _INSTRUCTIONS // max(1, executor.instructions))
    result = minimize(finding.script, same_finding(executor, finding.id, oracle), min(runs, affordable))
    verdict = executor.run(result.script)
    exchanges = executor.exchanges
    final = observe(executor, result.script, verdict, oracle)
    return StoredFinding(final, finding.script, listing(result.script, exchanges, final.kind in NO_ANSWER)), result

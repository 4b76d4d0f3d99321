# SPDX-License-Identifier: GPL-2.0-or-later
"""What a conformance run found: plain values that the reports render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.clauses import CLAUSES, Clause

Outcome = Literal["passed", "failed", "skipped"]

# The detail of a skipped clause that firmware and suite do not cover yet.
NOT_BUILT = "not built"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One executed test: the clauses it judges, what came out, and the failure's text."""

    name: str
    clauses: tuple[str, ...]
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """The verdict on one clause of the contract."""

    id: str
    outcome: Outcome
    cases: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConformanceRun:
    """A whole run. `environment` holds versions and hashes, `faults` the reports of guests that stopped."""

    target: str
    board: str
    firmware: str
    firmware_sha256: str
    firmware_build: str
    clauses: tuple[ClauseResult, ...]
    cases: tuple[CaseResult, ...]
    seconds: float
    exchanges: int = 0
    instructions: int = 0
    full: bool = False
    uart: str = ""
    faults: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Number of failed cases; a clause that failed for want of cases counts as one."""
        empty = sum(1 for clause in self.clauses if clause.outcome == "failed" and clause.cases == 0)
        return sum(1 for case in self.cases if case.outcome == "failed") + empty

    @property
    def passed(self) -> bool:
        """True when at least one clause was judged and none failed."""
        outcomes = {clause.outcome for clause in self.clauses}
        return "passed" in outcomes and "failed" not in outcomes and self.failed == 0

    def as_json(self) -> dict[str, object]:
        """The shape that `hil conform --json` promises."""
        return {
            "target": self.target,
            "firmware_sha256": self.firmware_sha256,
            "clauses": [{"id": c.id, "outcome": c.outcome, "cases": c.cases, "detail": c.detail} for c in self.clauses],
            "cases": len(self.cases),
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
        }


def judge_clauses(cases: Iterable[CaseResult], clauses: Sequence[Clause] = CLAUSES) -> tuple[ClauseResult, ...]:
    """The outcome per clause. A clause that is built and has no case at all fails: nothing showed that it holds."""
    by_clause: dict[str, list[CaseResult]] = {clause.id: [] for clause in clauses}
    for case in cases:
        for name in case.clauses:
            if name in by_clause:
                by_clause[name].append(case)
    return tuple(_judge(clause, by_clause[clause.id]) for clause in clauses)


def _judge(clause: Clause, cases: list[CaseResult]) -> ClauseResult:
    failures = [case for case in cases if case.outcome == "failed"]
    ran = [case for case in cases if case.outcome != "skipped"]
    if failures:
        first = (failures[0].detail or "failed").splitlines()[0]
        return ClauseResult(clause.id, "failed", len(ran), f"{failures[0].name}: {first}")
    if ran:
        return ClauseResult(clause.id, "passed", len(ran))
    if not clause.built:
        return ClauseResult(clause.id, "skipped", 0, NOT_BUILT)
    if cases:
        return ClauseResult(clause.id, "skipped", 0, cases[0].detail)
    return ClauseResult(clause.id, "failed", 0, "no case judges this clause")

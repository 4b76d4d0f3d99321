# SPDX-License-Identifier: GPL-2.0-or-later
"""A run put in the contract's order: chapters, their clauses, and the cases that judged each clause."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.clauses import CLAUSES, Clause
from harness.report.results import NOT_BUILT, CaseResult, ClauseResult, ConformanceRun

OTHER_CHAPTER = "Other clauses"


@dataclass(frozen=True, slots=True)
class Case:
    """One case and its place in the run, from 1: names need not be unique, numbers are."""

    number: int
    result: CaseResult


@dataclass(frozen=True, slots=True)
class Entry:
    """One clause, its verdict, and the cases behind the verdict."""

    clause: Clause
    result: ClauseResult
    cases: tuple[Case, ...]

    @property
    def word(self) -> str:
        """`passed`, `failed`, `not built`, or `skipped` for any other reason."""
        if self.result.outcome == "skipped" and self.result.detail == NOT_BUILT:
            return NOT_BUILT
        return self.result.outcome

    @property
    def failed_cases(self) -> tuple[Case, ...]:
        """The cases that show that the clause does not hold."""
        return tuple(case for case in self.cases if case.result.outcome == "failed")

    @property
    def other_cases(self) -> tuple[Case, ...]:
        """The cases that passed or were skipped."""
        return tuple(case for case in self.cases if case.result.outcome != "failed")

    @property
    def unproven(self) -> bool:
        """True of a clause that failed though none of its cases did: mostly, there is none."""
        return self.result.outcome == "failed" and not self.failed_cases


@dataclass(frozen=True, slots=True)
class Chapter:
    """The clauses of one chapter that the run judged or skipped; never empty."""

    name: str
    entries: tuple[Entry, ...]

    def count(self, word: str) -> int:
        """Number of clauses whose verdict is `word`."""
        return sum(entry.word == word for entry in self.entries)


def chapters(run: ConformanceRun, contract: Sequence[Clause] = CLAUSES) -> tuple[Chapter, ...]:
    """Every clause result of the run in the contract's order; clauses that the contract does not know come last."""
    results = {result.id: result for result in run.clauses}
    known = {clause.id for clause in contract}
    strangers = [Clause(result.id, OTHER_CHAPTER, "") for result in run.clauses if result.id not in known]
    cases = numbered(run)
    entries: dict[str, list[Entry]] = {}
    for clause in (*contract, *strangers):
        if clause.id in results:
            judging = tuple(case for case in cases if clause.id in case.result.clauses)
            entries.setdefault(clause.chapter, []).append(Entry(clause, results[clause.id], judging))
    return tuple(Chapter(name, tuple(members)) for name, members in entries.items())


def numbered(run: ConformanceRun) -> tuple[Case, ...]:
    """All cases in the order in which they ran."""
    return tuple(Case(number, result) for number, result in enumerate(run.cases, 1))


def outside(run: ConformanceRun) -> tuple[Case, ...]:
    """The cases that judged no clause of this run."""
    judged = {result.id for result in run.clauses}
    return tuple(case for case in numbered(run) if judged.isdisjoint(case.result.clauses))


def left_out(run: ConformanceRun, contract: Sequence[Clause] = CLAUSES) -> tuple[Clause, ...]:
    """The clauses of the contract on which the run has no verdict at all, not even `skipped`."""
    results = {result.id for result in run.clauses}
    return tuple(clause for clause in contract if clause.id not in results)

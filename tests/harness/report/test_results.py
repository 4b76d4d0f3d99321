# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts on clauses: nothing passes because nothing ran."""

from harness.clauses import Clause
from harness.report.results import CaseResult, ClauseResult, ConformanceRun, judge_clauses

BUILT, UNBUILT = Clause("X-1", "chapter", "demand"), Clause("X-2", "chapter", "demand", built=False)


def judge(*cases: CaseResult, clause: Clause = BUILT) -> ClauseResult:
    (result,) = judge_clauses(cases, [clause])
    return result


def case(outcome: str, detail: str = "", clause: str = "X-1") -> CaseResult:
    return CaseResult("test_x", (clause,), outcome, detail)  # type: ignore[arg-type]


def test_a_clause_without_a_case_fails() -> None:
    assert judge() == ClauseResult("X-1", "failed", 0, "no case judges this clause")


def test_a_clause_that_is_not_built_is_skipped_loudly() -> None:
    assert judge(clause=UNBUILT) == ClauseResult("X-2", "skipped", 0, "not built")
    assert judge(case("failed", "it broke", "X-2"), clause=UNBUILT).outcome == "failed"


def test_one_failure_fails_the_clause_and_is_told() -> None:
    result = judge(case("passed"), case("failed", "expected 1\n  at line 3"), case("skipped"))
    assert result == ClauseResult("X-1", "failed", 2, "test_x: expected 1")
    assert judge(case("failed")).detail == "test_x: failed"


def test_skipped_cases_are_no_pass() -> None:
    assert judge(case("skipped", "lacks memory")) == ClauseResult("X-1", "skipped", 0, "lacks memory")
    assert judge(case("skipped"), case("passed")) == ClauseResult("X-1", "passed", 1)


def run(*clauses: ClauseResult, cases: tuple[CaseResult, ...] = ()) -> ConformanceRun:
    return ConformanceRun("model", "an386", "f", "0", "release", clauses, cases, 1.0)


def test_a_run_passes_when_something_was_judged_and_nothing_failed() -> None:
    assert run(ClauseResult("X-1", "passed", 1)).passed
    assert not run(ClauseResult("X-1", "failed", 0)).passed
    assert not run(ClauseResult("X-1", "skipped", 0)).passed
    assert not run().passed
    assert not run(ClauseResult("X-1", "passed", 1), cases=(case("failed", clause="other"),)).passed


def test_the_json_shape_is_stable() -> None:
    json = run(ClauseResult("X-1", "failed", 0, "none")).as_json()
    assert set(json) == {"target", "firmware_sha256", "clauses", "cases", "failed", "seconds"}
    assert json["clauses"] == [{"id": "X-1", "outcome": "failed", "cases": 0, "detail": "none"}]
    assert json["failed"] == 1

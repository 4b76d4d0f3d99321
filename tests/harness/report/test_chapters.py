# SPDX-License-Identifier: GPL-2.0-or-later
import dataclasses

from harness.clauses import CLAUSES, Clause
from harness.report.chapters import NOT_BUILT, OTHER_CHAPTER, chapters, left_out, outside
from harness.report.results import CaseResult, ClauseResult, ConformanceRun


def test_every_clause_stands_once_in_the_contracts_order(run: ConformanceRun) -> None:
    found = [(chapter.name, entry.clause) for chapter in chapters(run) for entry in chapter.entries]
    assert [clause for _, clause in found] == list(CLAUSES)
    assert [name for name, _ in found] == [clause.chapter for clause in CLAUSES]
    assert left_out(run) == ()


def test_words(run: ConformanceRun, contract: tuple[Clause, ...]) -> None:
    words = {entry.clause.id: entry.word for chapter in chapters(run) for entry in chapter.entries}
    assert words["IPC-1"] == "passed"
    assert words["AES-3"] == words["IPC-5"] == words["NON-2"] == words["RATE-2"] == "failed"
    assert words["RNG-3"] == "skipped"
    assert {words[clause.id] for clause in contract if not clause.built} == {NOT_BUILT}


def test_cases_stand_under_each_clause_that_they_judge(run: ConformanceRun) -> None:
    entries = {entry.clause.id: entry for chapter in chapters(run) for entry in chapter.entries}
    for clause in ("AES-3", "IPC-5", "NON-2"):
        assert [case.result.name for case in entries[clause].failed_cases] == ["test_forged_tag"]
        assert len(entries[clause].other_cases) == 2
        assert not entries[clause].unproven
    assert entries["RATE-2"].unproven


def test_what_the_contract_does_not_know_is_kept(run: ConformanceRun) -> None:
    strange = dataclasses.replace(
        run,
        clauses=(ClauseResult("XYZ-1", "passed", 1), ClauseResult("HDR-1", "passed", 1)),
        cases=(
            CaseResult("a", ("XYZ-1",), "passed"),
            CaseResult("b", ("HDR-2",), "passed"),
            CaseResult("c", (), "passed"),
        ),
    )
    assert [(chapter.name, [entry.clause.id for entry in chapter.entries]) for chapter in chapters(strange)] == [
        ("Headers", ["HDR-1"]),
        (OTHER_CHAPTER, ["XYZ-1"]),
    ]
    assert [(case.number, case.result.name) for case in outside(strange)] == [(2, "b"), (3, "c")]
    assert len(left_out(strange)) == len(CLAUSES) - 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""The structure that the JUnit schemas in use agree on, checked element by element."""

import dataclasses
from xml.etree import ElementTree as ET

import pytest

from harness.clauses import CLAUSES, Clause
from harness.report.chapters import chapters
from harness.report.findings import CampaignRun, FindingRow
from harness.report.junit import NO_CLAUSE, OUTSIDE_SUITE, render_campaign_junit, render_junit
from harness.report.results import CaseResult, ClauseResult, ConformanceRun
from harness.report.text import xml_text

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"type", "message"},
    "skipped": {"type", "message"},
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "skipped"},
}


def _parse(run: ConformanceRun | CampaignRun) -> ET.Element:
    document = render_campaign_junit(run) if isinstance(run, CampaignRun) else render_junit(run)
    root = ET.fromstring(document)
    _check(root)
    return root


def _check(element: ET.Element) -> None:
    assert set(element.attrib) == ATTRIBUTES[element.tag]
    assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    if element.tag in ("testsuites", "testsuite"):
        tests = element.findall(".//testcase")
        assert int(element.attrib["tests"]) == len(tests)
        assert int(element.attrib["failures"]) == len(element.findall(".//failure"))
        assert element.attrib["errors"] == "0"
    for child in element:
        _check(child)


def test_a_suite_per_chapter_and_a_class_per_clause(run: ConformanceRun) -> None:
    root = _parse(run)
    assert [suite.attrib["name"] for suite in root] == [chapter.name for chapter in chapters(run)]
    assert {case.attrib["classname"] for case in root.iter("testcase")} == {clause.id for clause in CLAUSES}
    found = {(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")}
    assert {(clause, case.name) for case in run.cases for clause in case.clauses} <= found


def test_failures_carry_their_text(run: ConformanceRun) -> None:
    root = _parse(run)
    failures = {case.attrib["classname"]: case.find("failure") for case in root.iter("testcase") if len(case)}
    failure = failures["AES-3"]
    assert failure is not None
    assert failure.attrib["message"] == "status: expected DECRYPTION_FAILED, got SUCCESS"
    assert failure.text == run.cases[-2].detail
    unjudged = failures["RATE-2"]
    assert unjudged is not None
    assert unjudged.text == "no case judges this clause"


def test_skipped_clauses_say_why(run: ConformanceRun, contract: tuple[Clause, ...]) -> None:
    reasons = {
        case.attrib["classname"]: skipped.attrib["message"]
        for case in _parse(run).iter("testcase")
        for skipped in case.iter("skipped")
    }
    assert {reasons[clause.id] for clause in contract if not clause.built} == {"not built"}
    assert reasons["RNG-3"] == "the target cannot boot twice"


def test_time_counts_once(run: ConformanceRun) -> None:
    root = _parse(run)
    assert sum(float(suite.attrib["time"]) for suite in root) == pytest.approx(sum(case.seconds for case in run.cases))
    assert root.attrib["time"] == "61.500"


def test_firmware_is_named(run: ConformanceRun) -> None:
    for suite in _parse(run):
        properties = {p.attrib["name"]: p.attrib["value"] for p in suite.iter("property")}
        assert properties["firmware_sha256"] == run.firmware_sha256
        assert properties["firmware_build"] == "release"


def test_hostile_text_stays_text(hostile_run: ConformanceRun, hostile: str) -> None:
    root = _parse(hostile_run)
    expected = xml_text(hostile)
    assert "\x00" not in expected
    assert [case.attrib["name"] for case in root.iter("testcase")].count(expected) == 3
    failure = root.find(".//failure[@message]")
    assert failure is not None
    assert failure.text is not None
    assert failure.text == expected.replace("\r", "\n")  # a parser reads a carriage return as a line end


def test_cases_outside_the_clauses_are_kept(run: ConformanceRun) -> None:
    stray = CaseResult("stray", ("XYZ-9",), "failed", "")
    root = _parse(dataclasses.replace(run, cases=(*run.cases, stray)))
    case = root[-1].find("testcase")
    assert root[-1].attrib["name"] == OUTSIDE_SUITE
    assert case is not None
    assert (case.attrib["classname"], case.attrib["name"]) == (NO_CLAUSE, "stray")
    assert case[0].attrib["message"] == "no detail given"


def test_a_failed_clause_is_a_failure_whatever_its_cases(run: ConformanceRun) -> None:
    odd = dataclasses.replace(
        run,
        clauses=(ClauseResult("HDR-1", "failed", 1, "odd"),),
        cases=(CaseResult("a", ("HDR-1",), "passed"),),
    )
    root = _parse(odd)
    assert [case.attrib["name"] for case in root.iter("testcase")] == ["a", "request header"]
    assert root.attrib["failures"] == "1"


def test_an_empty_run_is_a_document() -> None:
    root = _parse(ConformanceRun("model", "", "", "", "", (), (), 0.0))
    assert len(root) == 0


def test_a_campaign_has_a_failure_per_finding_and_a_pass_per_kind_without(campaign: CampaignRun) -> None:
    root = _parse(campaign)
    assert root.attrib["time"] == "600.250"
    cases = [(case.attrib["classname"], case.attrib["name"], len(case)) for case in root.iter("testcase")]
    nothing = "none in 50,000,000 executions"
    assert cases == [
        ("fault", "fault-0123456789ab", 1),
        ("mismatch", "mismatch-0123456789ab", 1),
        ("hang", nothing, 0),
        ("status", nothing, 0),
    ]
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.attrib["message"] == campaign.findings[0].location
    assert campaign.findings[0].report in failure.text
    assert failure.text.endswith("input: fault-0123456789ab/input.bin")
    properties = {p.attrib["name"]: p.attrib["value"] for p in root.iter("property")}
    assert properties["firmware_sha256"] == campaign.firmware_sha256
    assert properties["executions"] == "50000000"


def test_a_campaign_of_hostile_text(hostile: str) -> None:
    finding = FindingRow(hostile, hostile, hostile, (), hostile, hostile, 1, hostile)
    root = _parse(CampaignRun(hostile, hostile, hostile, hostile, (hostile,), (finding,)))
    assert root.attrib["failures"] == "1"

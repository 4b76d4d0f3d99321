# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML, as Jenkins, GitLab and their like read it: a test suite per chapter, a class per clause.

A fuzzing campaign is a suite of its own with a class per kind of finding.

A case that judges several clauses stands under each of them, so that every class shows all that its clause rests on;
its time counts where it stands first. A clause whose verdict no case explains has one entry of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from xml.etree import ElementTree as ET

from harness.report.chapters import Case, Chapter, chapters, outside
from harness.report.findings import CampaignRun, FindingRow
from harness.report.results import ConformanceRun, Outcome
from harness.report.text import first_line, thousands, xml_text

OUTSIDE_SUITE = "Cases outside the clauses of this run"
NO_CLAUSE = "no clause"


@dataclass(frozen=True, slots=True)
class _Test:
    """One testcase element."""

    classname: str
    name: str
    outcome: Outcome
    detail: str
    seconds: float


def render_junit(run: ConformanceRun) -> bytes:
    """The document in UTF-8. Characters that XML 1.0 cannot hold are left out."""
    seen: set[int] = set()
    suites = [(chapter.name, list(_chapter_tests(chapter, seen))) for chapter in chapters(run)]
    strays = outside(run)
    if strays:
        suites.append((OUTSIDE_SUITE, [_case_test(NO_CLAUSE, case, seen) for case in strays]))
    root = ET.Element(
        "testsuites",
        {
            "name": xml_text(f"conformance of {run.target}"),
            "time": _seconds(run.seconds),
            **_counts(chain.from_iterable(tests for _, tests in suites)),
        },
    )
    about = {
        key: str(getattr(run, key)) for key in ("target", "board", "firmware", "firmware_build", "firmware_sha256")
    }
    for name, tests in suites:
        root.append(_suite(name, about, tests))
    return _document(root)


def render_campaign_junit(run: CampaignRun) -> bytes:
    """A campaign as one suite: a failed case per finding, a passed one per kind that was looked for and not found."""
    tests = [_finding_test(finding) for finding in run.findings]
    found = {finding.kind for finding in run.findings}
    nothing = f"none in {thousands(run.executions)} executions"
    tests += [_Test(kind, nothing, "passed", "", 0.0) for kind in run.kinds if kind not in found]
    root = ET.Element("testsuites", {"name": "fuzzing campaign", "time": _seconds(run.seconds), **_counts(tests)})
    about = {
        "firmware": run.firmware,
        "firmware_build": run.firmware_build,
        "firmware_sha256": run.firmware_sha256,
        "executions": str(run.executions),
    }
    root.append(_suite("findings of the fuzzer", about, tests))
    return _document(root)


def _finding_test(finding: FindingRow) -> _Test:
    detail = f"{finding.location}\n{finding.report}"
    if finding.input:
        detail += f"\ninput: {finding.input}"
    return _Test(finding.kind, finding.id, "failed", detail, 0.0)


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _chapter_tests(chapter: Chapter, seen: set[int]) -> Iterator[_Test]:
    for entry in chapter.entries:
        yield from (_case_test(entry.clause.id, case, seen) for case in entry.cases)
        if not entry.cases or entry.unproven:
            name = entry.clause.demand or entry.clause.id
            yield _Test(entry.clause.id, name, entry.result.outcome, entry.result.detail, 0.0)


def _case_test(classname: str, case: Case, seen: set[int]) -> _Test:
    seconds = 0.0 if case.number in seen else case.result.seconds
    seen.add(case.number)
    return _Test(classname, case.result.name, case.result.outcome, case.result.detail, seconds)


def _suite(name: str, about: Mapping[str, str], tests: list[_Test]) -> ET.Element:
    skipped = sum(test.outcome == "skipped" for test in tests)
    suite = ET.Element(
        "testsuite",
        {
            "name": xml_text(name),
            **_counts(tests),
            "skipped": str(skipped),
            "time": _seconds(sum(test.seconds for test in tests)),
        },
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in about.items():
        ET.SubElement(properties, "property", name=key, value=xml_text(value))
    for test in tests:
        suite.append(_test_case(test))
    return suite


def _test_case(test: _Test) -> ET.Element:
    element = ET.Element(
        "testcase", classname=xml_text(test.classname), name=xml_text(test.name), time=_seconds(test.seconds)
    )
    message = xml_text(first_line(test.detail))
    if test.outcome == "failed":
        failure = ET.SubElement(element, "failure", type="failed", message=message or "no detail given")
        failure.text = xml_text(test.detail)
    elif test.outcome == "skipped":
        ET.SubElement(element, "skipped", type="skipped", message=message or "no reason given")
    return element


def _counts(tests: Iterable[_Test]) -> dict[str, str]:
    outcomes = [test.outcome for test in tests]
    return {"tests": str(len(outcomes)), "failures": str(outcomes.count("failed")), "errors": "0"}


def _seconds(value: float) -> str:
    return f"{value:.3f}"

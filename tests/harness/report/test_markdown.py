# SPDX-License-Identifier: GPL-2.0-or-later
"""A run as a page of documentation."""

from harness.report.markdown import page
from harness.report.results import CaseResult, ClauseResult, ConformanceRun


def test_sums_and_clauses_are_on_the_page() -> None:
    clauses = (
        ClauseResult("HDR-1", "passed", 9),
        ClauseResult("SEC-1", "skipped", 0, "target qemu lacks the capability memory"),
        ClauseResult("KEM-1", "failed", 2, "a | b\nsecond line"),
    )
    cases = (CaseResult("a", ("HDR-1",), "passed"), CaseResult("b", ("SEC-1",), "skipped"))
    facts = {"qemu": "QEMU 7.2", "python": "3"}
    text = page(ConformanceRun("qemu", "an386", "f.elf", "12ab", "", clauses, cases, 12.4, 70, environment=facts))
    assert text.startswith("# Conformance: qemu\n")
    assert "| firmware | `f.elf`, board an386, sha256 `12ab` |" in text
    assert "| qemu | QEMU 7.2 |" in text
    assert "python" not in text
    assert "| clauses | 1 passed, 1 failed, 1 skipped |" in text
    assert "| cases | 1 judged, 1 skipped |" in text
    assert "| exchanges | 70, each compared with the model bit for bit |\n| time | 12 s |" in text
    assert "| SEC-1 | skipped | 0 | target qemu lacks the capability memory |" in text
    assert text.endswith("| KEM-1 | failed | 2 | a \\| b second line |\n")

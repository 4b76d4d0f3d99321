# SPDX-License-Identifier: GPL-2.0-or-later
"""The page is taken apart by a parser of its own; nothing is compared with a stored page."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from emulator.board import AN386
from emulator.l4.picture import of_board, svg
from harness.clauses import CLAUSES, Clause
from harness.report import CostRow
from harness.report.coverage import CoverageReport
from harness.report.html import UART_SHOWN, cost_lines, render_html
from harness.report.results import CaseResult, ClauseResult, ConformanceRun
from harness.report.text import visible

VOID = {"meta", "col", "br", "path", "rect", "line"}
COST = (
    CostRow("AES_ENCRYPT", "AES-256", "release", 1000, 2000, 3000, 512),
    CostRow("AES_ENCRYPT", "AES-256", "debug", 5000, 9000, 12000, 1024),
    CostRow("MLKEM_KEYGEN", "ML-KEM-768", "debug", 1, 1, 1, 8),
)

PICTURE = Markup(svg(of_board(AN386)))
TESTS = {"IPC-1": {"tests/test_a.py": ["test_one", "test_two"], "tests/test_b.py": ["test_three"]}, "SEC-2": {}}


class Page(HTMLParser):
    """Tags with their attributes, the text of each element by tag, ids, and whether every tag is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[tuple[str, list[str]]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        name, parts = self.open.pop()
        assert name == tag
        self.texts.setdefault(tag, []).append("".join(parts))

    def handle_data(self, data: str) -> None:
        for _, parts in self.open:
            parts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> str:
        """The text of all elements of this name, white space collapsed."""
        return " ".join(" ".join(self.texts.get(tag, [])).split())

    @property
    def ids(self) -> list[str]:
        """All ids in order."""
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


def test_every_clause_and_case_is_there(run: ConformanceRun) -> None:
    page = Page(render_html(run))
    rows = [" ".join(row.split()) for row in page.texts["tr"]]
    for clause in CLAUSES:
        assert f"clause-{clause.id}" in page.ids
        assert any(row.startswith(f"{clause.id} {clause.demand}") for row in rows)
    for case in run.cases:
        assert page.texts["code"].count(case.name) >= len(case.clauses)
    for chapter in {clause.chapter for clause in CLAUSES}:
        assert any(row.startswith(chapter) for row in rows)


def test_outcomes_are_words(run: ConformanceRun, contract: tuple[Clause, ...]) -> None:
    rows = [" ".join(row.split()) for row in Page(render_html(run)).texts["tr"]]
    assert "IPC-1 shared memory, signal, one request at a time passed 2" in rows
    assert "RATE-2 token bucket, exact failed 0 no case judges this clause" in rows
    assert "RNG-3 no entropy: error state skipped 0 the target cannot boot twice" in rows
    unbuilt = next(clause for clause in contract if not clause.built)
    assert f"{unbuilt.id} {unbuilt.demand} not built 0 no verdict" in rows


def test_headline_and_numbers_of_a_failed_run(run: ConformanceRun, contract: tuple[Clause, ...]) -> None:
    page = Page(render_html(run))
    header = page.text("header")
    judged = sum(clause.built for clause in contract) - 1
    not_built = sum(not clause.built for clause in contract)
    assert page.texts["h1"] == ["Failed"]
    assert f"4 of {judged} judged clauses do not hold." in header
    assert "1 fault stopped the guest." in header
    assert f"{not_built + 1} clauses of the contract were not judged." in header
    for text in (f"{not_built} not built", "20,841", "3,184,220,911", "1 min 2 s", f"{len(run.cases)} 1 failed"):
        assert text in header


def test_headline_of_a_passed_run_tells_what_is_not_judged(
    passed: ConformanceRun, contract: tuple[Clause, ...]
) -> None:
    page = Page(render_html(passed))
    not_built = sum(not clause.built for clause in contract)
    assert page.texts["h1"] == ["Passed"]
    assert f"All {len(CLAUSES) - not_built} judged clauses hold." in page.text("header")
    assert f"{not_built} clauses of the contract were not judged." in page.text("header")
    assert "failures" not in page.ids
    assert "faults" not in page.ids


def test_a_run_that_judged_nothing_is_not_called_passed() -> None:
    page = Page(render_html(ConformanceRun("model", "", "", "", "", (), (), 0.0)))
    assert page.texts["h1"] == ["Nothing judged"]
    assert f"{len(CLAUSES)} clauses of the contract were not judged." in page.text("header")
    assert "not counted" in page.text("header")


@pytest.mark.parametrize(
    ("clauses", "cases", "sentence"),
    [
        (("failed",), ("failed",), "The one judged clause does not hold."),
        (("passed",), ("passed",), "The one judged clause holds."),
        (("passed", "failed"), ("passed", "failed"), "1 of 2 judged clauses does not hold."),
        (("passed",), ("passed", "failed"), "1 case failed, outside the judged clauses."),
    ],
)
def test_sentences(clauses: tuple[str, ...], cases: tuple[str, ...], sentence: str) -> None:
    run = ConformanceRun(
        "model",
        "",
        "",
        "",
        "",
        tuple(ClauseResult(f"HDR-{i}", word, 1) for i, word in enumerate(clauses, 1)),  # type: ignore[arg-type]
        tuple(CaseResult(f"case {i}", (f"HDR-{i}",), word) for i, word in enumerate(cases, 1)),  # type: ignore[arg-type]
        0.0,
    )
    assert sentence in Page(render_html(run)).text("header")


def test_failures_and_faults_are_given_whole(run: ConformanceRun) -> None:
    texts = Page(render_html(run)).texts["pre"]
    assert texts.count("\n" + run.cases[-2].detail) == 1
    assert "\n" + run.faults[0] in texts
    assert "\n\nready\n\\x1b[31m" in texts  # the first line end belongs to <pre>, the second to the output


def test_failed_clauses_are_open_and_their_failures_come_first(run: ConformanceRun) -> None:
    page = Page(render_html(run))
    opened = [attributes for attributes in page.all("details") if "open" in attributes]
    assert len(opened) == 3 + len(run.faults)
    table = next(table for table in page.texts["table"] if "test_forged_tag" in table)
    assert table.index("test_forged_tag") < table.index("test_") + len("test_")


def test_links_lead_somewhere(run: ConformanceRun, hostile_run: ConformanceRun) -> None:
    one_clause = dataclasses.replace(run, clauses=tuple(c for c in run.clauses if c.id == "AES-3"))
    sources = (render_html(each, COST, picture=PICTURE, tests=TESTS) for each in (run, hostile_run, one_clause))
    for page in map(Page, sources):
        ids = page.ids
        assert len(ids) == len(set(ids))
        targets = [attributes["href"] or "" for tag in ("a", "use") for attributes in page.all(tag)]
        assert targets
        assert all(target.startswith("#") and target[1:] in ids for target in targets)
        labels = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
        assert set(labels) <= set(ids)


def test_identity_and_environment(run: ConformanceRun) -> None:
    texts = Page(render_html(run)).texts
    facts = dict(zip(texts["dt"], texts["dd"], strict=True))
    assert facts["Firmware"] == run.firmware
    assert facts["SHA-256"] == run.firmware_sha256
    assert (facts["Build"], facts["Target"], facts["Board"]) == ("release", "emulated", "an386")
    assert (facts["unicorn"], facts["python"]) == ("2.1.4", "3.11.2")


def test_the_page_needs_nothing_but_itself(run: ConformanceRun) -> None:
    source = render_html(run, COST, picture=PICTURE, tests=TESTS)
    page = Page(source)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not [a for _, a in page.tags for name in a if name.startswith("on") or name == "src"]
    assert "default-src 'none'" in str(page.all("meta"))
    source = source.replace('xmlns="http://www.w3.org/2000/svg"', "")  # a name, not a place
    assert not re.search(r"url\(|@import|https?:|javascript:", source)


def test_hostile_text_stays_text(hostile_run: ConformanceRun, hostile: str, run: ConformanceRun) -> None:
    row = CostRow(hostile, hostile, hostile, 1, 1, 1, 1)
    source = render_html(hostile_run, [row], tests={"IPC-1": {hostile: [hostile]}})
    source.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffe\ud800-\udfff]", source)
    assert "{{ 7 * 7 }}" in source
    page = Page(source)
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in Page(render_html(run, COST)).tags} | {"b", "p"}
    assert len(page.all("script")) == 0
    shown = visible(hostile)
    assert page.texts["code"].count(shown) >= 6
    assert "\n" + shown in page.texts["pre"]
    assert shown in page.texts["dt"]
    assert f"failure of {shown}" in [a.get("aria-label") for a in page.all("pre")]


def test_cost_table(run: ConformanceRun) -> None:
    assert "cost" not in Page(render_html(run)).ids
    rows = [" ".join(row.split()) for row in Page(render_html(run, COST)).texts["tr"]]
    assert "AES_ENCRYPT AES-256 release 1,000 2,000 3,000 1.00 512" in rows
    assert "AES_ENCRYPT AES-256 debug 5,000 9,000 12,000 4.50 1,024" in rows
    assert "MLKEM_KEYGEN ML-KEM-768 debug 1 1 1 none 8" in rows


def test_the_picture_of_the_system(run: ConformanceRun) -> None:
    assert "system" not in Page(render_html(run)).ids
    page = Page(render_html(run, picture=PICTURE))
    assert "system" in page.ids
    for task in AN386.tasks:
        assert f"task {task.name}" in page.texts["text"]
        assert {region.name for region in AN386.grants(task)} <= set(page.texts["text"])


def test_a_picture_that_nobody_calls_safe_is_text(run: ConformanceRun, hostile: str) -> None:
    page = Page(render_html(run, picture=hostile))  # type: ignore[arg-type]
    assert len(page.all("script")) == 0
    assert visible(hostile) in page.text("section")


def test_the_table_of_clauses_and_tests(run: ConformanceRun) -> None:
    assert "tests" not in Page(render_html(run)).ids
    page = Page(render_html(run, tests=TESTS))
    assert "tests" in page.ids
    rows = [" ".join(row.split()) for row in page.texts["tr"]]
    tests = "tests/test_a.py test_one test_two tests/test_b.py test_three"
    assert f"IPC-1 shared memory, signal, one request at a time 3 tests of IPC-1 {tests}" in rows
    assert "SEC-2 constant time none yet" in rows
    assert sum(row.endswith("none yet") for row in rows) == len(CLAUSES) - 1


def test_a_release_build_that_cost_nothing_gives_no_ratio() -> None:
    rows = [CostRow("X", "", build, 0, 0, 0, 0) for build in ("release", "debug")]
    assert [line.ratio for line in cost_lines(rows)] == ["", ""]


def test_endless_output_is_cut_and_said_so(run: ConformanceRun) -> None:
    page = Page(render_html(dataclasses.replace(run, uart="head" + "x" * UART_SHOWN)))
    assert "The first 4 characters are left out." in page.text("section")
    assert "\n" + "x" * UART_SHOWN in page.texts["pre"]


def test_cases_outside_the_clauses_are_kept(run: ConformanceRun) -> None:
    stray = CaseResult("stray case", ("XYZ-9",), "passed")
    page = Page(render_html(dataclasses.replace(run, cases=(*run.cases, stray))))
    assert "stray case" in page.texts["code"]
    assert "1 case outside the clauses of this run" in page.text("summary")


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast(run: ConformanceRun, scheme: int) -> None:
    """Success criterion 1.4.3 of WCAG 2.2, level AA: 4.5 to 1 between text and what it stands on."""
    style = re.findall(r":root \{(.*?)\}", render_html(run), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", style))
    papers = ("paper", "shade", "warn-paper", "bad-paper")
    pairs = [(ink, paper) for ink in ("ink", "soft", "link", "good", "bad", "warn") for paper in papers]
    pairs += [("on-verdict", f"verdict-{kind}") for kind in ("passed", "failed", "nothing")]
    for ink, paper in pairs:
        dark, light = sorted((_luminance(colours[ink]), _luminance(colours[paper])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_coverage_is_shown_by_file_of_the_service(run: ConformanceRun, reached: CoverageReport) -> None:
    page = Page(render_html(run, coverage=reached.source))
    assert "coverage" in {attributes.get("id") for attributes in page.all("h2")}
    rows = [" ".join(row.split()) for row in page.texts["tr"] if "service/" in row or "crypto/" in row]
    assert rows[0].startswith("service/ ")
    assert [row.split()[0] for row in rows[1:-1]] == sorted(row.split()[0] for row in rows[1:-1])
    ipc = reached.source.file("service/ipc.c")
    lines, branches = ipc.line_share, ipc.branch_share
    (row,) = (row for row in rows if row.startswith("service/ipc.c"))
    assert f"{lines.hit} of {lines.found}" in row
    assert f"{branches.hit} of {branches.found}" in row
    assert "coverage.html#service/ipc.c" in {attributes.get("href") for attributes in page.all("a")}


def test_without_coverage_there_is_no_section(run: ConformanceRun) -> None:
    page = Page(render_html(run))
    assert "coverage" not in {attributes.get("id") for attributes in page.all("h2")}
    assert "#coverage" not in {attributes.get("href") for attributes in page.all("a")}

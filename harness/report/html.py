# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as one HTML page that needs nothing but itself: no script, no font, no image from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emulator.source_coverage import SourceCoverage
from harness.clauses import CLAUSES, Clause
from harness.report import text
from harness.report.chapters import Chapter, Entry, chapters, left_out, numbered, outside
from harness.report.cost import CostRow
from harness.report.coverage import folders
from harness.report.results import NOT_BUILT, ConformanceRun

# Clause id -> module -> names of the tests that carry the id.
ClauseTests = Mapping[str, Mapping[str, Sequence[str]]]

# A guest that prints without end must not make a page that no browser opens.
UART_SHOWN = 256 * 1024


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict in a word and a sentence; `kind` selects colour and sign."""

    kind: Literal["passed", "failed", "nothing"]
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the cost table; `ratio` compares its median with the release build's, where there is one."""

    row: CostRow
    ratio: str


@dataclass(frozen=True, slots=True)
class ClauseLine:
    """One clause and the tests that carry its id, by module."""

    clause: Clause
    modules: Mapping[str, Sequence[str]]

    @property
    def count(self) -> int:
        """Number of tests."""
        return sum(map(len, self.modules.values()))


def render_html(
    run: ConformanceRun,
    cost: Sequence[CostRow] = (),
    *,
    picture: Markup | None = None,
    tests: ClauseTests | None = None,
    coverage: SourceCoverage | None = None,
) -> str:
    """The page. Every value is escaped, and characters that are invisible or misleading are made visible.

    `picture` is SVG of the system that ran. What is left out has no section.
    """
    grouped = chapters(run)
    entries = [entry for chapter in grouped for entry in chapter.entries]
    uart = run.uart
    page = page_environment().get_template("report.html.j2")
    return page.render(
        run=run,
        firmware_name=PurePath(run.firmware).name or run.target,
        headline=headline(run, entries),
        chapters=grouped,
        counts={word: sum(entry.word == word for entry in entries) for word in ("passed", "failed", "skipped")}
        | {"not_built": sum(entry.word == NOT_BUILT for entry in entries)},
        not_built=[entry for entry in entries if entry.word == NOT_BUILT],
        skipped=[entry for entry in entries if entry.word == "skipped"],
        judged={entry.clause.id for entry in entries},
        left_out=left_out(run),
        failures=[case for case in numbered(run) if case.result.outcome == "failed"],
        unproven=[entry for entry in entries if entry.unproven],
        outside=outside(run),
        cost=cost_lines(cost),
        picture=picture,
        tests=clause_tests(tests or {}),
        coverage=folders(coverage) if coverage else (),
        uart=uart[-UART_SHOWN:],
        uart_cut=max(0, len(uart) - UART_SHOWN),
    )


def headline(run: ConformanceRun, entries: Sequence[Entry]) -> Headline:
    """The verdict on the run. A run that judged no clause has shown nothing, and is not called passed."""
    failed = sum(entry.word == "failed" for entry in entries)
    judged = failed + sum(entry.word == "passed" for entry in entries)
    if failed:
        which = "The one judged clause" if judged == 1 else f"{failed} of {judged} judged clauses"
        return Headline("failed", "Failed", f"{which} {'does' if failed == 1 else 'do'} not hold.")
    if run.failed:
        return Headline("failed", "Failed", f"{text.counted(run.failed, 'case')} failed, outside the judged clauses.")
    if judged == 0:
        return Headline("nothing", "Nothing judged", "No clause was judged, so this run shows nothing.")
    sentence = "The one judged clause holds." if judged == 1 else f"All {judged} judged clauses hold."
    return Headline("passed", "Passed", sentence)


def cost_lines(cost: Sequence[CostRow]) -> list[CostLine]:
    """The rows in their order, each with the quotient of its median and the release build's."""
    release = {(row.operation, row.parameter_set): row.median for row in cost if row.build == "release"}
    lines = []
    for row in cost:
        base = release.get((row.operation, row.parameter_set), 0)
        lines.append(CostLine(row, f"{row.median / base:.2f}" if base else ""))
    return lines


def clause_tests(tests: ClauseTests, contract: Sequence[Clause] = CLAUSES) -> list[ClauseLine]:
    """A line for each clause in the contract's order; none where nothing is known of any."""
    return [ClauseLine(clause, tests.get(clause.id, {})) for clause in contract] if tests else []


def chapter_summary(chapter: Chapter) -> str:
    """`4 passed, 1 failed`."""
    words = ("passed", "failed", "skipped", NOT_BUILT)
    return ", ".join(f"{chapter.count(word)} {word}" for word in words if chapter.count(word))


def page_environment() -> Environment:
    """Where every page's template comes from: what it shows is escaped, and nothing it names may be missing."""
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(
        chapter_summary=chapter_summary,
        counted=text.counted,
        duration=text.duration,
        first_line=text.first_line,
        percent=text.percent,
        thousands=text.thousands,
    )
    return environment


def _finalize(value: object) -> object:
    """Applied to each expression of a template before it is escaped, so that no value can be forgotten."""
    return text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

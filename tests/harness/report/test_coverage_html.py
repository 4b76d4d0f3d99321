# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of sources is whole, needs nothing else, and shows each line as what it is."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.report.coverage import CoverageReport, folders
from harness.report.coverage_html import render_coverage_html


class Page(HTMLParser):
    """Source lines by file, (class, text) each; ids and links; tags that load something."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.files: dict[str, list[tuple[str, list[str]]]] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self._file = ""
        self._cell = False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids += [value for value in [attributes.get("id")] if value]
        self.links += [value for value in [attributes.get("href")] if value]
        if tag in ("script", "link", "img") or "src" in attributes:
            self.loads.append(tag)
        if tag == "div" and attributes.get("id"):
            self._file = attributes["id"] or ""
        if tag == "tr" and self._file and attributes.get("class"):
            self.files.setdefault(self._file, []).append((attributes["class"] or "", []))
        if tag == "td" and self._file in self.files:
            self.files[self._file][-1][1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._cell = False
        if tag == "table":
            self._file = ""

    def handle_data(self, data: str) -> None:
        if self._cell and self._file:
            self.files[self._file][-1][1][-1] += data


@pytest.fixture(scope="module")
def page(reached: CoverageReport) -> Page:
    return Page(render_coverage_html(reached))


def test_every_line_is_there_as_what_it_is(page: Page, reached: CoverageReport) -> None:
    assert list(page.files) == [file.name for folder in folders(reached.source) for file in folder.files]
    assert reached.root is not None
    for file in reached.source.files:
        rows = page.files[file.name]
        assert [cells[-1] for _, cells in rows] == (reached.root / file.name).read_text().splitlines()
        for line in file.lines:
            kind, cells = rows[line.line - 1]
            assert (kind == "missed") is (line.times == 0)
            assert cells[1] == str(line.times)
        assert sum(kind != "none" for kind, _ in rows) == len(file.lines)


def test_the_page_needs_nothing_but_itself(page: Page) -> None:
    assert page.loads == []
    assert page.links
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)


def test_without_sources_lines_are_shown_by_number(reached: CoverageReport) -> None:
    text = render_coverage_html(replace(reached, root=None))
    assert "were not found" in text
    rows = Page(text).files["service/ipc.c"]
    assert [cells[0] for _, cells in rows] == [str(line.line) for line in reached.source.file("service/ipc.c").lines]


def test_without_debug_information_the_page_says_so(reached: CoverageReport) -> None:
    bare = replace(reached, source=replace(reached.source, files=()), root=None)
    assert "no debug information" in render_coverage_html(bare)

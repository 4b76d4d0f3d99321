# SPDX-License-Identifier: GPL-2.0-or-later
"""The sources with what of them was reached, as one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from emulator.source_coverage import FileCoverage
from harness.report import coverage as views
from harness.report.coverage import CoverageReport
from harness.report.html import page_environment


def render_coverage_html(report: CoverageReport) -> str:
    """The page, folder by folder. Where a source is missing its lines are shown without their text."""
    page = page_environment().get_template("coverage_page.html.j2")
    return page.render(
        firmware_name=report.image.path.name,
        sha256=report.image.sha256,
        folders=views.folders(report.source),
        lines_of=_lines_of(report),
        never_gone=views.never_gone,
        has_sources=report.root is not None,
    )


def _lines_of(report: CoverageReport) -> Callable[[FileCoverage], list[views.SourceLineView]]:
    def lines_of(file: FileCoverage) -> list[views.SourceLineView]:
        text = None
        if report.root is not None:
            with suppress(OSError):
                text = (report.root / file.name).read_text(encoding="utf-8", errors="replace")
        return list(views.source_lines(file, text))

    return lines_of

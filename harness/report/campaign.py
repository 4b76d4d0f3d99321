# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts a campaign's findings on disk for other programs."""

from pathlib import Path

from harness.report.error import ReportError
from harness.report.files import atomic_write_all
from harness.report.findings import CampaignRun
from harness.report.junit import render_campaign_junit
from harness.report.sarif import render_sarif


def write_campaign(run: CampaignRun, directory: Path) -> tuple[Path, ...]:
    """Writes findings.sarif and junit.xml; returns their paths in this order.

    Makes `directory` where it is missing. Raises ReportError, earlier files there being untouched, when anything cannot
    be written.
    """
    files = {directory / "findings.sarif": render_sarif(run), directory / "junit.xml": render_campaign_junit(run)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportError(f"cannot make {str(directory)!r}: {reason}; choose another directory") from error
    atomic_write_all(files)
    return tuple(files)

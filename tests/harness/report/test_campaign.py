# SPDX-License-Identifier: GPL-2.0-or-later
"""Both files are there, or neither."""

from pathlib import Path

import pytest

from harness.report.campaign import write_campaign
from harness.report.error import ReportError
from harness.report.findings import CampaignRun
from harness.report.junit import render_campaign_junit
from harness.report.sarif import render_sarif


def test_both_documents_are_written(tmp_path: Path, campaign: CampaignRun) -> None:
    sarif, junit = write_campaign(campaign, tmp_path / "new")
    assert sarif.read_bytes() == render_sarif(campaign)
    assert junit.read_bytes() == render_campaign_junit(campaign)
    assert {path.name for path in sarif.parent.iterdir()} == {"findings.sarif", "junit.xml"}


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path, campaign: CampaignRun) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReportError, match="choose another directory"):
        write_campaign(campaign, tmp_path / "file" / "report")
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(ReportError, match="cannot write"):
        write_campaign(campaign, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "junit.xml"}

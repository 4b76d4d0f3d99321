# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings as the reports take them."""

from harness.report.findings import CampaignRun


def test_the_shape_of_a_finding(campaign: CampaignRun) -> None:
    assert campaign.findings[0].as_json() == {
        "id": "fault-0123456789ab",
        "kind": "fault",
        "location": "write not granted in wipe crypto/wipe.c:20",
    }

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from harness.analysis.finding import Finding


def test_a_finding_tells_what_and_where() -> None:
    finding = Finding("SEC-1", "residue", "AES key stays in r4", "AES_ENCRYPT of 6 bytes")
    assert str(finding) == "AES key stays in r4 (in AES_ENCRYPT of 6 bytes)"
    assert finding.as_json()["clause"] == "SEC-1"

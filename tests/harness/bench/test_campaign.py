# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign in rows keeps corpora and findings, and its document says what they came to."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.bench import campaign
from harness.bench.campaign import ROWS, Done, Row, document, run_rows
from harness.cli import main
from harness.fuzz.campaign import Progress, Result
from harness.fuzz.engine import Stats
from harness.fuzz.error import FuzzError
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.report.findings import FindingRow
from harness.targets.opening import default_firmware

RAW = Row("release", "libfuzzer", 8, ("crash",), 50)
SCRIPTS = Row("sanitize", "afl", 0, ("model",), 50)


def test_rows_share_the_time_over_both_images_and_engines() -> None:
    assert sum(row.share for row in ROWS) == 100
    assert {(row.build, row.engine) for row in ROWS if not row.length} == {
        (build, engine) for build in ("release", "sanitize") for engine in ("libfuzzer", "afl")
    }


def test_rows_are_run_from_the_first_corpus(tmp_path: Path) -> None:
    told: list[tuple[Row, int]] = []
    rows = run_rows((RAW, SCRIPTS), 8, 1, tmp_path, lambda row, progress: told.append((row, progress.executions)))
    raw, scripts = list(rows)
    assert {row for row, _ in told} == {RAW, SCRIPTS}
    for done in (raw, scripts):
        assert done.result.progress.executions > 0
        assert not done.result.findings
    assert {len(list(path.glob("corpus/*"))) > 0 for path in tmp_path.iterdir()} == {True}
    text = document((raw, scripts), 1)
    executions = raw.result.progress.executions + scripts.result.progress.executions
    assert f"{executions:,} executions over the release and the sanitized image, 1 worker a row, " in text
    assert "| release | libFuzzer | raw, at most 8 bytes | crash |" in text
    assert "| sanitize | AFL++ | scripts | model |" in text
    assert f"- release `{sha256(default_firmware().read_bytes()).hexdigest()}`" in text


def test_what_was_not_reached_is_named() -> None:
    reached = (
        (table.AES_ENCRYPT.code, Status.SUCCESS, 7),
        (0x7E, Status.INVALID_TYPE, 2),
        (0x7F, Status.INVALID_TYPE, 3),
    )
    result = Result(Progress(executions=5), Stats(reached=reached), (), 0, False)
    text = document([Done(RAW, result)], 2)
    others = ", ".join(command.name for command in table.COMMANDS if command is not table.AES_ENCRYPT)
    assert f"Not answered with SUCCESS: {others}." in text
    assert "| AES_ENCRYPT | 7 | 0 |" in text
    assert "| other types | 0 | 5 |" in text


def test_findings_make_another_title() -> None:
    finding = FindingRow.__new__(FindingRow)
    text = document([Done(RAW, Result(Progress(executions=5), Stats(), (finding,), 0, False))], 1)
    assert text.startswith("# A campaign with findings\n")
    assert "with 1 findings" in text


def test_an_interrupted_row_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(campaign.Campaign):
        def run(self, tell: object = None) -> Result:
            return Result(Progress(), Stats(), (), 0, True)

    monkeypatch.setattr(campaign, "Campaign", Interrupted)
    with pytest.raises(FuzzError, match=r"^interrupted"):
        list(run_rows((RAW,), 2, 1, tmp_path, lambda _row, _progress: None))


def test_the_command_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "ROWS", (Row("release", "libfuzzer", 8, ("crash",), 2),))
    path = tmp_path / "campaign.md"
    arguments = ["--seconds", "100", "--jobs", "1", "--folder", str(tmp_path / "kept"), "--document", str(path)]
    result = CliRunner().invoke(main, ["bench", "campaign", *arguments])
    assert result.exit_code == 0, result.output
    assert "executions, 0 findings" in result.output
    assert path.read_text().startswith("# A clean campaign\n")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns: what they count, what becomes of failed inputs, and what is left when they end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.fuzz import findings_store as store
from harness.fuzz import script as s
from harness.fuzz.campaign import Campaign, EngineName, Progress, Triage, read_stats
from harness.fuzz.error import FuzzError
from harness.fuzz.options import Options
from harness.fuzz.seeds import encrypt
from harness.fuzz.worker import sightings_folder, stats_path
from harness.protocol import codec
from harness.protocol import commands as table

LOCK = s.encode([s.clock(5), *encrypt(1, b"aad", b"LOCK and more"), *encrypt(2)])


def options(image: Path, folder: Path, **changes: object) -> Options:
    defaults = {"firmware": image, "corpus": folder / "corpus", "findings": folder / "findings"}
    return Options(**{**defaults, "work": folder / "work", "seed": 1, **changes})  # type: ignore[arg-type]


def put_aside(chosen: Options, *scripts: bytes) -> None:
    """As a worker does with inputs that failed."""
    sightings_folder(chosen).mkdir(parents=True, exist_ok=True)
    for number, script in enumerate(scripts):
        (sightings_folder(chosen) / f"{number}.bin").write_bytes(script)


def test_a_sound_firmware_has_no_findings(firmware: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    chosen = options(firmware, tmp_path, runs=3000)
    result = Campaign(chosen).run(told.append)
    assert result.findings == ()
    assert (result.unexplained, result.interrupted) == (0, False)
    assert result.progress.executions >= 3000
    assert result.progress.edges > 1000
    assert result.progress.corpus == len(os.listdir(chosen.corpus)) > 50
    assert told
    assert [p.executions for p in told] == sorted(p.executions for p in told)
    for command in table.COMMANDS:
        assert result.stats.of(command.code, table.Status.SUCCESS), command.name
    assert (chosen.findings / "findings.sarif").is_file()
    assert (chosen.findings / "junit.xml").is_file()


def test_a_later_campaign_goes_on_from_the_corpus(firmware: Path, tmp_path: Path) -> None:
    chosen = options(firmware, tmp_path, runs=1500)
    first = Campaign(chosen).run()
    kept = set(os.listdir(chosen.corpus))
    second = Campaign(options(firmware, tmp_path, runs=300)).run()
    assert kept <= set(os.listdir(chosen.corpus))
    assert second.progress.edges > 0.9 * first.progress.edges


@pytest.mark.parametrize("engine", ["libfuzzer", "afl"])
def test_a_bug_becomes_one_short_finding(engine: EngineName, locked: Path, tmp_path: Path) -> None:
    chosen = options(locked, tmp_path, seconds=60, runs=20000)
    chosen.corpus.mkdir()
    (chosen.corpus / "seed").write_bytes(LOCK)  # AFL++ may need longer than a test has time for
    result = Campaign(chosen, engine).run()
    (row,) = result.findings
    assert row.kind == "fault"
    assert "aes_encrypt" in row.location
    stored = store.load(chosen.findings / row.id)
    assert [step.op for step in s.decode(stored.finding.script)] == [s.Op.BYTES, s.Op.SEND]
    assert b"LOCK" in stored.finding.script
    assert not list(sightings_folder(chosen).glob("*"))
    assert row.id in (chosen.findings / "findings.sarif").read_text()
    assert result.as_json()["findings"] == [{"id": row.id, "kind": "fault", "location": row.location}]
    json.dumps(result.as_json())


def test_two_workers_count_together(firmware: Path, tmp_path: Path) -> None:
    chosen = options(firmware, tmp_path, runs=2000, jobs=2)
    result = Campaign(chosen).run()
    assert all(stats_path(chosen, number).is_file() for number in range(2))
    assert result.progress.executions == read_stats(chosen).executions >= 2000


def test_inputs_that_failed_are_told_apart_by_their_cause(locked: Path, tmp_path: Path) -> None:
    chosen = options(locked, tmp_path)
    longer = s.encode([s.send(0x7F), *s.decode(LOCK)])
    put_aside(chosen, longer, LOCK, s.encode(encrypt(1)))
    triage = Triage(chosen)
    triage.take()
    triage.close()
    (row,) = triage.found.values()
    assert row.count == 2
    assert triage.unexplained == 1  # the sound request
    assert not list(sightings_folder(chosen).glob("*"))


def test_a_raw_input_becomes_a_script(locked: Path, tmp_path: Path) -> None:
    chosen = options(locked, tmp_path, raw=True)
    request = codec.aes_encrypt(1, b"", b"LOCK")
    put_aside(chosen, request)
    triage = Triage(chosen)
    triage.take()
    triage.close()
    (row,) = triage.found.values()
    assert request in store.load(chosen.findings / row.id).finding.script


def test_a_worker_that_cannot_work_is_told_of(locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "harness").mkdir()  # what the workers import then is not the bench
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('out of order')\n")
    with pytest.raises(FuzzError, match=r"out of order; see .*worker-0\.log"):
        Campaign(options(locked, tmp_path, runs=100)).run()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders of findings: whole or not there, counted, and read back field by field."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.fuzz import findings_store as store
from harness.fuzz.finding import Finding, FindingError
from harness.fuzz.findings_store import StoredFinding
from harness.report.findings import StackFrame

FILES = {"input.bin", "original.bin", "listing.txt", "report.txt", "finding.json", "test_reproduce.py"}
FINDING = Finding(
    id="fault-0123456789ab",
    kind="fault",
    location='read not granted in f "a\\b.c":3',
    chain=(StackFrame("f+0x2 (a.c:3)", "f", "a.c", 3), StackFrame("0x00000010")),
    report="read not granted\n  call chain:\n    f+0x2 (a.c:3)",
    script=b"\x04\x01shorter",
    firmware_sha256="ab" * 32,
    tool="0.1.0",
)
FOUND = StoredFinding(FINDING, b"\x04\x01 the original, longer", "steps\n")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_finding_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = store.save(tmp_path / "new" / "findings", FOUND)
    assert folder == tmp_path / "new" / "findings" / FINDING.id
    assert names(folder) == FILES
    assert store.load(folder) == FOUND
    assert store.load_all(folder.parent) == (FOUND,)
    assert names(folder.parent) == {FINDING.id}
    assert FOUND.row.input == f"{FINDING.id}/input.bin"


def test_a_finding_that_is_known_is_counted_and_keeps_the_shorter_input(tmp_path: Path) -> None:
    longer = StoredFinding(replace(FINDING, script=FINDING.script + b"more", report="later"), b"?", "?")
    shorter = StoredFinding(replace(FINDING, script=b"\x04", report="shortest"), b"!", "!")
    plainer = StoredFinding(replace(FINDING, script=b"\x00", report="plainest"), b".", ".", count=0)
    folder = store.save(tmp_path, FOUND)
    store.save(tmp_path, longer)
    assert store.load(folder) == replace(FOUND, count=2)
    store.save(tmp_path, shorter)
    assert store.load(folder) == replace(shorter, count=3)
    store.save(tmp_path, plainer)
    assert store.load(folder) == replace(plainer, count=3)
    assert names(tmp_path) == {FINDING.id}


def test_a_finding_that_is_new_was_seen_once_at_least(tmp_path: Path) -> None:
    assert store.load(store.save(tmp_path, replace(FOUND, count=0))) == FOUND


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[set[str]] = []
    rename = os.rename

    def failing(source: Path, target: Path) -> None:
        written.append(names(Path(source)))
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="No space"):
        store.save(tmp_path, FOUND)
    assert written == [FILES]
    assert names(tmp_path) == set()
    monkeypatch.setattr(os, "rename", rename)
    assert store.load(store.save(tmp_path, FOUND)) == FOUND


def _save_often(directory: Path) -> None:
    for _ in range(20):
        store.save(directory, FOUND)


def test_several_processes_count_together(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_save_often, args=(tmp_path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    (stored,) = store.load_all(tmp_path)
    assert stored == replace(FOUND, count=60)


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    assert store.load_all(tmp_path / "none") == ()


REMOVED = object()


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("format", 2, "format 2 is not 1"),
        ("format", True, "field 'format' is not an integer from 1 on"),
        ("id", "../../etc", "is no id"),
        ("id", "fault-../x", "is no id"),
        ("id", REMOVED, "field 'id' is not text"),
        ("kind", "bug", "kind 'bug' is none of: fault, "),
        ("location", "", "field 'location' is not text"),
        ("count", 0, "field 'count' is not an integer from 1 on"),
        ("count", "3", "field 'count' is not an integer from 1 on"),
        ("firmware_sha256", "AB" * 32, "field 'firmware_sha256' is not a SHA-256"),
        ("input_sha256", "ab" * 32, "input.bin: is not the file that finding.json has the hash of"),
        ("original_sha256", "ab" * 32, "original.bin: is not the file that finding.json has the hash of"),
        ("tool", 1, "field 'tool' is not text"),
        ("chain", {}, "field 'chain' is not a list of frames"),
        ("chain", [{"text": "f", "function": "f", "file": "f"}], "field 'chain' is not a list of frames with"),
    ],
)
def test_broken_fields_are_told_in_one_line(tmp_path: Path, field: str, value: Any, complaint: str) -> None:
    folder = store.save(tmp_path, FOUND)
    record = json.loads((folder / "finding.json").read_text())
    record.pop(field) if value is REMOVED else record.update({field: value})
    (folder / "finding.json").write_text(json.dumps(record))
    with pytest.raises(FindingError) as caught:
        store.load(folder)
    assert complaint in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", sorted(FILES - {"test_reproduce.py"}))
def test_missing_files_are_told(tmp_path: Path, name: str) -> None:
    folder = store.save(tmp_path, FOUND)
    (folder / name).unlink()
    with pytest.raises(FindingError, match=f"{name}: No such file"):
        store.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_record_is_told(tmp_path: Path, content: bytes) -> None:
    folder = store.save(tmp_path, FOUND)
    (folder / "finding.json").write_bytes(content)
    with pytest.raises(FindingError, match=r"finding\.json: "):
        store.load(folder)


def test_the_generated_test_is_python_whatever_the_location_says() -> None:
    hostile = replace(FINDING, location='"""\\', script=bytes(range(256)))
    found: dict[str, Any] = {}
    exec(compile(store.test_source(hostile), "test_reproduce.py", "exec"), found)
    assert found["SCRIPT"] == hostile.script
    assert found["KIND"] == "fault"

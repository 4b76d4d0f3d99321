# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings on disk: one folder each, named by its id, which appears whole or not at all.

input.bin           the shortest script known to show it      listing.txt         its steps and exchanges
original.bin        the script that it was made from          report.txt          what happened
finding.json        every field, and hashes of the rest       test_reproduce.py   fails while the defect is there
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.fuzz.finding import KINDS, Finding, FindingError
from harness.report.files import atomic_write_all
from harness.report.findings import FindingRow, StackFrame

FORMAT: Final = 1
INPUT: Final = "input.bin"
ORIGINAL: Final = "original.bin"
LISTING: Final = "listing.txt"
REPORT: Final = "report.txt"
RECORD: Final = "finding.json"
TEST: Final = "test_reproduce.py"

_TEST: Final = '''# SPDX-License-Identifier: GPL-2.0-or-later
"""{id}: {location}

Fails while the defect is there. Run it with the installed bench: pytest {test} [--firmware ELF] [--target T]
"""

from harness.fuzz.replay import replay

KIND = {kind!r}
SCRIPT = bytes.fromhex(
{script}
)


def test_it_does_not_fail_any_more(pytestconfig):
    option = pytestconfig.getoption
    result = replay(SCRIPT, KIND, option("--target"), option("--firmware"), option("--board"))
    assert not result.fails, result.text
'''


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding with what belongs to it: the script as it was found, the listing, how often it was seen."""

    finding: Finding
    original: bytes
    listing: str
    count: int = 1

    @property
    def row(self) -> FindingRow:
        """As the reports take it; `input` is relative to the folder of all findings."""
        return self.finding.row(self.count, f"{self.finding.id}/{INPUT}")


def save(directory: Path, found: StoredFinding) -> Path:
    """Put the finding into its folder under `directory`, which is made where it is missing; returns the folder.

    Where the finding is known already, it is counted, and the shorter input is kept with what belongs to it. Several
    processes may save at once. Raises OSError or ReportError, nothing being half written, and FindingError for a broken
    folder of the same id.
    """
    directory.mkdir(parents=True, exist_ok=True)
    folder = directory / found.finding.id
    with _locked(directory):
        if folder.exists():
            known = load(folder)
            better = min((known, found), key=lambda stored: _size(stored.finding.script))
            files = _files(replace(better, count=known.count + found.count))
            atomic_write_all({folder / name: content for name, content in files.items()})
            return folder
        temporary = directory / f".{secrets.token_hex(8)}.tmp"
        try:
            temporary.mkdir()
            for name, content in _files(replace(found, count=max(1, found.count))).items():
                (temporary / name).write_bytes(content)
            os.rename(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def load(folder: Path) -> StoredFinding:
    """Read a finding back. Raises FindingError, one line, for what is missing, wrong or does not fit together."""
    record = _Record(folder / RECORD)
    script, original = _bytes(folder / INPUT), _bytes(folder / ORIGINAL)
    if record.integer("format", 1) != FORMAT:
        raise FindingError(
            f"{folder / RECORD}: format {record.integer('format', 1)} is not {FORMAT}: another version wrote it"
        )
    for name, content, field in ((INPUT, script, "input_sha256"), (ORIGINAL, original, "original_sha256")):
        if record.digest(field) != hashlib.sha256(content).hexdigest():
            raise FindingError(f"{folder / name}: is not the file that {RECORD} has the hash of")
    kind = record.text("kind")
    if kind not in KINDS:
        raise FindingError(f"{folder / RECORD}: kind {kind!r} is none of: {', '.join(KINDS)}")
    identity = record.text("id")
    if not identity.startswith(f"{kind}-") or not identity.removeprefix(f"{kind}-").isalnum():
        raise FindingError(f"{folder / RECORD}: id {identity!r} is no id of a finding of the kind {kind}")
    finding = Finding(
        id=identity,
        kind=kind,
        location=record.text("location"),
        chain=record.chain("chain"),
        report=_bytes(folder / REPORT).decode("utf-8", "replace").removesuffix("\n"),
        script=script,
        firmware_sha256=record.digest("firmware_sha256"),
        tool=record.text("tool"),
    )
    listing = _bytes(folder / LISTING).decode("utf-8", "replace")
    return StoredFinding(finding, original, listing, record.integer("count", 1))


def load_all(directory: Path) -> tuple[StoredFinding, ...]:
    """All findings of a campaign, by id; none where there is no such directory. Raises FindingError."""
    folders = sorted(path.parent for path in directory.glob(f"*/{RECORD}") if not path.parent.name.startswith("."))
    return tuple(load(folder) for folder in folders)


def _size(script: bytes) -> tuple[int, int]:
    """What is to be small: bytes, and bytes that are not zero."""
    return len(script), len(script) - script.count(0)


def _files(found: StoredFinding) -> dict[str, bytes]:
    finding = found.finding
    record = {
        "format": FORMAT,
        "id": finding.id,
        "kind": finding.kind,
        "location": finding.location,
        "chain": [{"text": f.text, "function": f.function, "file": f.file, "line": f.line} for f in finding.chain],
        "count": found.count,
        "firmware_sha256": finding.firmware_sha256,
        "tool": finding.tool,
        "input_sha256": hashlib.sha256(finding.script).hexdigest(),
        "original_sha256": hashlib.sha256(found.original).hexdigest(),
    }
    return {
        INPUT: finding.script,
        ORIGINAL: found.original,
        LISTING: found.listing.encode(),
        REPORT: f"{finding.report}\n".encode(),
        TEST: test_source(finding).encode(),
        RECORD: (json.dumps(record, indent=2) + "\n").encode(),
    }


def test_source(finding: Finding) -> str:
    """A pytest file that fails while the finding can be reproduced."""
    digits = finding.script.hex()
    lines = [f'    "{digits[i : i + 100]}"' for i in range(0, len(digits), 100)] or ['    ""']
    location = finding.location.replace("\\", "\\\\").replace('"', "'")
    return _TEST.format(id=finding.id, location=location, kind=finding.kind, test=TEST, script="\n".join(lines))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FindingError(f"{path}: {error.strerror}: give the folder of a finding") from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process at a time; the lock is the directory itself and leaves nothing behind."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class _Record:
    """The fields of finding.json, each checked when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            content = json.loads(_bytes(path))
        except (ValueError, RecursionError) as error:
            raise FindingError(f"{path}: is no JSON ({error}): give the folder of a finding") from error
        if not isinstance(content, dict):
            raise FindingError(f"{path}: holds no object: give the folder of a finding")
        self._content: dict[str, Any] = content

    def text(self, name: str) -> str:
        """A string that is not empty."""
        value = self._content.get(name)
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "text")
        return value

    def integer(self, name: str, least: int) -> int:
        """An integer that is not below `least`."""
        value = self._content.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._wrong(name, f"an integer from {least} on")
        return value

    def digest(self, name: str) -> str:
        """A SHA-256 in hexadecimal digits."""
        value = self._content.get(name)
        if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
            raise self._wrong(name, "a SHA-256 of 64 hexadecimal digits")
        return value

    def chain(self, name: str) -> tuple[StackFrame, ...]:
        """A call chain, maybe empty."""
        value = self._content.get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list of frames")
        return tuple(self._frame(name, entry) for entry in value)

    def _frame(self, name: str, entry: Any) -> StackFrame:
        types = {"text": str, "function": str, "file": str, "line": int}
        if not isinstance(entry, dict) or any(not isinstance(entry.get(key), kind) for key, kind in types.items()):
            raise self._wrong(name, "a list of frames with text, function, file and line")
        return StackFrame(entry["text"], entry["function"], entry["file"], entry["line"])

    def _wrong(self, name: str, wanted: str) -> FindingError:
        return FindingError(f"{self._path}: field {name!r} is not {wanted}")

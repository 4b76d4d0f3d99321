# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil minimize`: from an input to a folder, and by `hil replay` back to a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.fuzz import findings_store as store
from harness.fuzz import script as s

FORGED = s.encode([s.send(9), *s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(2), s.ring()])


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "input"
    path.write_bytes(FORGED)
    return path


def test_from_an_input_to_a_folder_and_back(script: Path, defective: Callable[..., Path], tmp_path: Path) -> None:
    image = defective("error-carries-a-payload")
    findings = tmp_path / "findings"
    result = hil("minimize", script, "--firmware", image, "--findings", findings)
    assert result.exit_code == 1, result.output
    (folder,) = findings.iterdir()
    assert folder.name.startswith("malformed-")
    stored = store.load(folder)
    assert stored.original == FORGED
    assert len(stored.finding.script) < len(FORGED)
    assert f"{len(FORGED)} bytes became {len(stored.finding.script)}" in result.stdout

    fails = hil("replay", folder, "--firmware", image, "--listing")
    assert fails.exit_code == 1, fails.output
    assert f"emulated: {folder.name}" in fails.stdout
    assert "no sound answer" in fails.stdout
    assert hil("replay", folder).exit_code == 0
    assert hil("replay", folder, "--target", "model").exit_code == 0

    again = hil("minimize", folder, "--firmware", image, "--json", "-")
    assert again.exit_code == 1, again.output
    assert json.loads(again.stdout)["finding"]["id"] == folder.name
    assert store.load(folder) == stored
    assert {path.name for path in findings.iterdir()} == {folder.name}


def test_a_file_goes_to_a_folder_of_its_own(
    script: Path, defective: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = hil("minimize", script, "--firmware", defective("error-carries-a-payload"), "--runs", 3)
    assert result.exit_code == 1, result.output
    assert "more executions might find a smaller one" in result.stdout
    (stored,) = store.load_all(tmp_path / "findings")
    assert stored.count == 1


def test_what_a_user_can_get_wrong_is_one_line(script: Path, tmp_path: Path) -> None:
    for arguments, complaint in (
        ((script,), "the input does not fail on this firmware"),
        ((tmp_path / "none",), "none: No such file or directory"),
        ((tmp_path,), "finding.json: No such file or directory: give the folder of a finding"),
    ):
        result = hil("minimize", *arguments)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("hil: ")
        assert complaint in line
    assert {path.name for path in tmp_path.iterdir()} == {"input"}

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil replay`: exit status 0 for what does not fail, 2 and one line for what cannot be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.fuzz import script as s

FORGED = s.encode([s.send(9), *s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(2), s.ring()])


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "input"
    path.write_bytes(FORGED)
    return path


def test_an_input_that_passes(script: Path, firmware: Path) -> None:
    for arguments in ((), ("--target", "model"), ("--firmware", firmware)):
        result = hil("replay", script, *arguments)
        assert result.exit_code == 0, result.output
        assert "passed: every answer as the model demands" in result.stdout
    listed = hil("replay", script, "--listing")
    assert "  response DECRYPTION_FAILED, payload of 0 bytes" in listed.stdout
    made = json.loads(hil("replay", script, "--json", "-").stdout)
    assert made == {
        "target": "emulated",
        "fails": False,
        "text": "passed: every answer as the model demands",
        "exchanges": 3,
        "finding": None,
    }


def test_what_a_user_can_get_wrong_is_one_line(script: Path, tmp_path: Path) -> None:
    raced = tmp_path / "raced"
    raced.write_bytes(s.encode([s.race(3), s.send(1)]))
    for arguments, complaint in (
        (("replay", tmp_path / "none"), "none: No such file or directory"),
        (("replay", tmp_path), "finding.json: No such file or directory: give the folder of a finding"),
        (("replay", script, "--target", "nowhere"), "target 'nowhere' is unknown"),
        (("replay", script, "--firmware", tmp_path / "none.elf"), "no such firmware image"),
        (("replay", raced, "--target", "model"), "step 1, change bits 0xff of request byte 3"),
    ):
        result = hil(*arguments)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("hil: ")
        assert complaint in line

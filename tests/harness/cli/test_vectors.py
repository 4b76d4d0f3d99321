# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil vectors`: the summary line, and responses that are written wholly or not at all."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import main


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["vectors", *map(str, arguments)])


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """Two key generations of ML-KEM-512."""
    tests = [{"tcId": number, "d": "00" * 32, "z": f"{number:02x}" * 32} for number in (1, 2)]
    group = {"tgId": 1, "testType": "AFT", "parameterSet": "ML-KEM-512", "tests": tests}
    head = {"vsId": 3, "algorithm": "ML-KEM", "mode": "keyGen", "revision": "FIPS203", "isSample": False}
    path = tmp_path / "prompt.json"
    path.write_text(json.dumps([{"acvVersion": "1.0"}, {**head, "testGroups": [group]}]))
    return path


def assert_unusable(result: Result, message: str) -> None:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("hil: ")
    assert message in line


def test_the_summary_says_how_long_it_took(tmp_path: Path, firmware: Path) -> None:
    path = tmp_path / "SHA3.rsp"
    path.write_text(f"[L = 256]\n\nLen = 0\nMsg = 00\nMD = {hashlib.sha3_256().hexdigest()}\n")
    result = hil(path, "--firmware", firmware)
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"1 cases, 0 failed, 0 not run, \d+\.\d s", result.stdout.splitlines()[-1])


def test_a_response_and_its_judgement(prompt: Path, tmp_path: Path, firmware: Path) -> None:
    response, shape = tmp_path / "response.json", tmp_path / "shape.json"
    result = hil("--respond", response, prompt, "--firmware", firmware, "--json", shape)
    assert result.exit_code == 0, result.output
    summary = f"{re.escape(str(response))}: 2 tests answered: 0 through the window, 2 by calls, " + r"\d+\.\d s"
    assert re.fullmatch(summary, result.stdout.strip())
    assert json.loads(shape.read_text()) == {
        "response": str(response),
        "prompt": str(prompt),
        "algorithm": "ML-KEM",
        "window": 0,
        "function": 2,
    }
    judged = hil(prompt, response, "--firmware", firmware, "--json", "-")
    assert judged.exit_code == 0
    answers: dict[str, Any] = json.loads(judged.stdout)
    assert (answers["cases"], answers["failed"]) == (2, 0)


def test_one_response_has_one_prompt(prompt: Path, tmp_path: Path, firmware: Path) -> None:
    response = tmp_path / "response.json"
    assert_unusable(
        hil("--respond", response, prompt, prompt, "--firmware", firmware),
        "2 prompts for one response: give --respond one prompt at a time",
    )
    assert not response.exists()


def test_what_was_there_stays_when_there_is_no_response(prompt: Path, tmp_path: Path, firmware: Path) -> None:
    before = prompt.read_bytes()
    assert_unusable(hil("--respond", prompt, prompt, "--firmware", firmware), "would replace its prompt")
    assert prompt.read_bytes() == before
    response = tmp_path / "response.json"
    response.write_text("precious")
    prompt.write_bytes(before.replace(b'"AFT"', b'"GDT"'))
    assert_unusable(hil("--respond", response, prompt, "--firmware", firmware), "testType 'GDT' is unknown")
    assert response.read_text() == "precious"
    prompt.write_bytes(before)
    assert_unusable(hil("--respond", tmp_path / "no" / "such.json", prompt, "--firmware", firmware), "cannot write")

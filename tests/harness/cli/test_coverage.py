# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil coverage`: tables by source and operation, the report's files, exit status 1 for inputs that fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.fuzz import script as s
from harness.fuzz.corpus import input_name, write_corpus
from harness.fuzz.patched import build_patched
from harness.fuzz.seeds import decrypt, encrypt

SEALED = s.encode([*encrypt(1, b"", b"text"), *decrypt(1)])
LOCK = s.encode(encrypt(1, b"", b"LOCK" + bytes(20)))
PLANTED = Path(__file__).resolve().parents[2] / "planted"


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["coverage", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "corpus", [SEALED, LOCK])
    return tmp_path / "corpus"


def test_the_tables_and_the_report(folder: Path, tmp_path: Path) -> None:
    result = hil(folder, "--report", tmp_path / "report", "--json", tmp_path / "reached.json")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert {"service/", "crypto/", "service/aes_decrypt.c"} <= rows.keys()
    assert rows["AES_DECRYPT"] == ["SUCCESS", "1"]
    assert rows["MLDSA_SIGN"] == ["-"]
    assert result.stdout.splitlines()[-1] == "2 inputs, 0 of them fail"
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "coverage.html",
        "coverage.lcov",
        "coverage.drcov",
    }
    made = json.loads((tmp_path / "reached.json").read_text())
    (decryption,) = (row for row in made["files"] if row["file"] == "service/aes_decrypt.c")
    assert rows["service/aes_decrypt.c"][:3] == [str(decryption["lines_reached"]), "of", str(decryption["lines"])]
    assert made["answers"]["AES_ENCRYPT"] == {"SUCCESS": 2}


def test_an_input_that_fails(folder: Path, tmp_path: Path) -> None:
    bad = build_patched(PLANTED / "magic-in-the-plaintext.patch", "release", tmp_path)
    result = hil(folder, "--firmware", bad, "--json", "-")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"] == [input_name(LOCK)]
    assert input_name(LOCK) in result.stderr


def test_what_a_user_can_get_wrong_is_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for arguments, complaint in (
        ((tmp_path / "empty",), "there is no input in the corpus"),
        ((folder, "--firmware", tmp_path / "none.elf"), "no such firmware image"),
        ((folder, "--report", tmp_path / "file" / "report"), "cannot write"),
    ):
        result = hil(*arguments)
        assert result.exit_code == 2, result.output
        assert complaint in result.stderr.splitlines()[-1]
    assert hil().exit_code == 2

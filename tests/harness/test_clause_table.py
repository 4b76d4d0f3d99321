# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of clauses and tests is up to date, finds marks of every shape, and misses no public clause."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.clause_table import DOCUMENT, PROJECT, collect, main, render, unproven
from harness.clauses import CLAUSES, PUBLIC

MODULE = """
import pytest
pytestmark = [pytest.mark.clause("HDR-3")]

@pytest.mark.clause("HDR-1", "VAL-1")
def test_marked(): pass

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.clause("AES-3"))])
def test_parameter(x): pass

def test_cli_2_in_its_name(): pass

@pytest.mark.clause("AES-1")
def helper(): pass
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "test_some.py").write_text(MODULE)
    return tmp_path


def test_marks_and_names_are_found(root: Path) -> None:
    found = {clause: modules for clause, modules in collect(root).items() if modules}
    every = ["test_marked", "test_parameter", "test_cli_2_in_its_name"]
    names = {"HDR-3": every, "HDR-1": every[:1], "VAL-1": every[:1], "AES-3": every[1:2], "CLI-2": every[2:]}
    assert found == {clause: {"tests/deep/test_some.py": tests} for clause, tests in names.items()}


def test_the_file_is_written_then_checked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(root), "--check"]) == 1
    assert f"stale: {DOCUMENT}" in capsys.readouterr().out
    assert not (root / DOCUMENT).exists()
    assert main(["--root", str(root)]) == 1
    assert (root / DOCUMENT).read_text() == render(collect(root))
    output = capsys.readouterr()
    assert f"wrote: {DOCUMENT}" in output.out
    assert "public clause IPC-1: no test carries its id in its name" in output.err
    assert "HDR-1:" in output.err  # a mark alone is not enough
    assert "CLI-2:" not in output.err


@pytest.mark.parametrize("text", ["@pytest.mark.clause('XYZ-1')\ndef test_x(): pass\n", "def test_(:\n"])
def test_what_cannot_be_read_is_told(root: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (root / "tests" / "test_bad.py").write_text(text)
    assert main(["--root", str(root)]) == 2
    assert "test_bad.py" in capsys.readouterr().err


def test_the_projects_table_is_up_to_date() -> None:
    found = collect()
    assert (PROJECT / DOCUMENT).read_text(encoding="utf-8") == render(found), "run `make generate`"
    assert unproven(found) == []
    assert [clause.id for clause in CLAUSES if clause.built and not found[clause.id]] == []


def test_public_clauses_exist() -> None:
    assert {clause.id for clause in CLAUSES} >= PUBLIC

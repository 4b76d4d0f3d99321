# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil conform --report`, `--document`: the page shows the run, its system, and which tests carry which clause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.clause_table import ClauseTableError, collect
from harness.cli import main
from harness.fuzz.corpus import read_corpus
from harness.fuzz.options import INPUT_LENGTH
from harness.fuzz.reached import run_corpus
from harness.targets.names import DEFAULT_BOARD


@pytest.fixture
def conform(tmp_path: Path) -> Callable[..., Result]:
    """Judges one clause that takes no time, with a report in tmp_path."""

    def run(*options: str) -> Result:
        arguments = ["conform", "--clause", "HDR-2", "--no-secrets", "--report", str(tmp_path / "report"), *options]
        return CliRunner().invoke(main, arguments)

    return run


def test_the_page_has_the_picture_and_the_table(conform: Callable[..., Result], tmp_path: Path, firmware: Path) -> None:
    assert conform("--firmware", str(firmware)).exit_code == 0
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for text in ("task service (idle)", "task gateway (idle)", "host port", "window"):
        assert f">{text}</text>" in page
    names = {name for modules in collect().values() for tests in modules.values() for name in tests}
    assert len(names) > 300
    assert [name for name in names if f"<li><code>{name}</code></li>" not in page] == []


def test_a_target_without_tasks_has_no_picture(conform: Callable[..., Result], tmp_path: Path) -> None:
    assert conform("--target", "model").exit_code == 0
    assert '<h2 id="system">' not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_the_table_becomes_a_page_of_documentation(conform: Callable[..., Result], tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    assert conform("--target", "model", "--document", str(document)).exit_code == 0
    assert "| HDR-2 | passed | " in document.read_text(encoding="utf-8")


def test_tests_that_cannot_be_read_are_told_before_the_run(
    conform: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> None:
        raise ClauseTableError("test_x.py: cannot be read")

    monkeypatch.setattr("harness.cli.conform.collect", unreadable)
    result = conform("--target", "model")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "hil: test_x.py: cannot be read\n"
    assert not (tmp_path / "report").exists()


def test_what_the_cases_ask_becomes_a_corpus(conform: Callable[..., Result], tmp_path: Path) -> None:
    corpus = tmp_path / "new" / "corpus"
    result = conform("--no-coverage", "--corpus", str(corpus))
    assert result.exit_code == 0
    scripts = read_corpus([corpus])
    assert f"corpus: {len(scripts)} inputs in " in result.stderr
    assert len(scripts) > 3
    assert max(map(len, scripts)) <= INPUT_LENGTH
    assert run_corpus(scripts, None, DEFAULT_BOARD).answers["other"].keys() == {"INVALID_TYPE"}

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from harness.cli import main


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["matrix", *map(str, arguments)])


def test_one_table_for_the_boards_asked_for(tmp_path: Path) -> None:
    """One clause on one board: the table, the document, the JSON."""
    page, found = tmp_path / "matrix.md", tmp_path / "matrix.json"
    result = hil(
        "--board", "an500", "--clause", "HDR-2", "--no-secrets", "--jobs", 1, "--document", page, "--json", found
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (row,) = (line for line in result.stdout.splitlines() if line.startswith("an500"))
    assert row.split()[:6] == ["an500", "cortex-m7", "thumb", "1", "0", "0"]
    assert "| an500 | cortex-m7 | thumb | 1 | 0 | 0 |" in page.read_text()
    (value,) = json.loads(found.read_text())
    assert (value["board"], value["failed"], value["unaligned"]) == ("an500", 0, "")


def test_an_unknown_board_is_refused_with_the_known_ones() -> None:
    result = hil("--board", "an521")
    assert result.exit_code == 2
    assert "'an383'" in result.stderr


def test_an_unknown_clause_is_one_line() -> None:
    result = hil("--board", "an383", "--clause", "HDR-9", "--jobs", 1)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].startswith("hil: clause 'HDR-9' is unknown")
    assert len(result.stderr.splitlines()) == 1

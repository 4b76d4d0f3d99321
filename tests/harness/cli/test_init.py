# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil init`, and `--board FILE` of the commands that execute a firmware."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "polling_firmware"
ELF = EXAMPLE / "build" / "polling.elf"


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result: Result) -> str:
    """The one line of a command that could not begin."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    return str(line)


def test_what_it_writes_is_judged_as_it_stands(tmp_path: Path) -> None:
    made = tmp_path / "new.toml"
    result = hil("init", ELF, "-o", made)
    assert (result.exit_code, result.stdout) == (0, f"{made}: written\nthen: hil conform --board {made}\n")
    judged = hil("conform", "--board", made, "--clause", "HDR-1", "--json", "-")
    assert judged.exit_code == 0, judged.output
    assert json.loads(judged.stdout)["clauses"][0]["outcome"] == "passed"


def test_it_says_what_is_left_to_fill_in(tmp_path: Path, firmware: Path) -> None:
    made = tmp_path / "new.toml"
    result = hil("init", firmware, "-o", made, "--json", "-")
    assert result.exit_code == 0
    assert "shared.window" in json.loads(result.stdout)["todo"]
    assert refused(hil("conform", "--board", made)).endswith("shared.window.address: still says TODO, fill it in")


def test_it_never_replaces_a_file_by_itself(tmp_path: Path) -> None:
    made = tmp_path / "new.toml"
    made.write_text("mine")
    assert refused(hil("init", ELF, "-o", made)) == f"hil: {made} exists; give --force to replace it"
    assert made.read_text() == "mine"
    assert hil("init", ELF, "-o", made, "--force").exit_code == 0
    assert made.read_text() != "mine"


def test_nothing_is_left_where_it_cannot_write(tmp_path: Path) -> None:
    assert "a board file's name ends in .toml" in refused(hil("init", ELF, "-o", tmp_path / "board.json"))
    assert "cannot write" in refused(hil("init", ELF, "-o", tmp_path / "none" / "board.toml"))
    assert "e_ident" in refused(hil("init", EXAMPLE / "polling.toml", "-o", tmp_path / "board.toml"))
    assert list(tmp_path.iterdir()) == []


def test_a_relative_board_file_is_found_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)
    for board in ("polling.toml", os.path.relpath(EXAMPLE / "polling.toml", EXAMPLE)):
        result = hil("diff", "--board", board, "--count", 3, "--json", "-")
        assert (result.exit_code, json.loads(result.stdout)["differences"]) == (0, 0)


@pytest.mark.parametrize(
    "command",
    [
        ("conform",),
        ("diff", "--count", 1),
        ("analyze", "cost"),
        ("analyze", "residue"),
        ("analyze", "double-fetch"),
        ("analyze", "constant-time"),
        ("coverage",),
        ("fuzz",),
    ],
    ids=lambda command: " ".join(map(str, command)),
)  # fmt: skip
def test_a_wrong_board_file_is_one_line_of_every_command(tmp_path: Path, command: tuple[object, ...]) -> None:
    wrong = tmp_path / "wrong.toml"
    text = (EXAMPLE / "polling.toml").read_text().replace("cortex-m3", "cortex-x9")
    wrong.write_text(text.replace("build/polling.elf", str(ELF)))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "input").write_bytes(b"\0")
    more: tuple[object, ...] = (tmp_path / "corpus",) if command == ("coverage",) else ()
    if command == ("fuzz",):
        more = ("--time", 1, "--corpus", tmp_path / "corpus", "--findings", tmp_path / "findings")
    line = refused(hil(*command, *more, "--board", wrong, *(() if "cost" in command else ("--firmware", ELF))))
    assert line.startswith(f"hil: {wrong}: cpu: 'cortex-x9' is unknown, use one of: cortex-m"), line

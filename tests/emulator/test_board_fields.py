# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of fields, and the manual that prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.board_fields import FIELDS, BoardFileError, Fields, read_fields
from harness.protocol import commands as table

ROOT = Path(__file__).parents[2]
BY_NAME = {row.name: row for row in FIELDS}


def test_the_manual_has_exactly_these_fields() -> None:
    manual = (ROOT / "docs" / "own-firmware.md").read_text()
    lines = [f"| `{row.name}` | {'yes' if row.required else 'no'} | `{row.form}` | {row.meaning} |" for row in FIELDS]
    printed = [line for line in manual.splitlines() if line.startswith("| `")]
    assert printed == lines, "copy the table from here:\n" + "\n".join(lines)


def test_the_loaders_pages_are_as_large_as_the_contract_has_them() -> None:
    assert BY_NAME["shared.window"].size == table.WINDOW_SIZE
    assert BY_NAME["shared.key_storage"].size == table.KEY_STORAGE_SIZE


def test_values_come_by_their_whole_names(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    required = [row for row in FIELDS if row.required]
    values = {"text": '"x"', "region": "{ address = 1 }", "banks": "{}", "wait": "{}"}
    path.write_text("\n".join(f"{row.name} = {values[row.kind]}" for row in required))
    fields = read_fields(path)
    assert sorted(fields.values) == sorted(row.name for row in required)
    assert fields.part("service.code", "address", int) == 1
    assert "name" not in fields
    with pytest.raises(BoardFileError, match=r"a.toml: service.code.address: is unknown, use one of: symbol$"):
        fields.only("service.code", "symbol")


def test_a_complaint_is_one_line_whatever_a_file_holds() -> None:
    message = str(Fields(Path("a.toml"), {}).error("a\nb", "is\t\x1b[31m red"))
    assert message == "a.toml: a b: is ?[31m red"

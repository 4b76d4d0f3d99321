# SPDX-License-Identifier: GPL-2.0-or-later
"""One row for each board: what it says, of what it is made, and what it makes of boards that fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.errors import EmulatorError
from harness.conformance import matrix
from harness.conformance.matrix import MEASURED, MatrixOptions, MatrixRow, document, in_order, judge_boards
from harness.conformance.runner import ConformanceError
from harness.report.results import ClauseResult

HEADER = MatrixOptions(clauses=("HDR-1",), secrets=False)
ROW = MatrixRow(
    board="an386",
    cpu="cortex-m4",
    state="thumb",
    clauses=(ClauseResult("HDR-1", "passed", 10), ClauseResult("FIPS-1", "skipped", 0, "no fips image")),
    cases=10,
    failed_cases=0,
    instructions=(1000, 200, 3_000_000, 4),
    code=51_940,
    stack=6000,
    unaligned="",
    firmware_sha256="ab" * 32,
    seconds=12.3,
)


def test_boards_of_either_profile_are_judged() -> None:
    """A short cut of `make matrix`: one clause; the sweep of accesses has tests of its own."""
    rows = {row.board: row for row in judge_boards(("vexpress-a15", "an383"), HEADER, jobs=2)}
    assert {name: (row.cpu, row.state) for name, row in rows.items()} == {
        "vexpress-a15": ("cortex-a15", "arm"),
        "an383": ("cortex-m0plus", "thumb"),
    }
    for row in rows.values():
        assert row.passed, row
        assert [clause.id for clause in row.clauses] == ["HDR-1"]
        assert len(row.instructions) == len(MEASURED)
        assert min(row.instructions) > 0
        assert 4096 < row.stack < 0x4000
    assert rows["an383"].instructions > rows["vexpress-a15"].instructions


def test_a_missing_image_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(matrix, "default_firmware", lambda name: tmp_path / f"{name}.elf")
    with pytest.raises(
        ConformanceError, match=r"an383.elf: no such firmware image; build all boards' by `make boards`"
    ):
        list(judge_boards(("an383",), HEADER))


def test_an_unknown_board_is_told_with_the_known_ones() -> None:
    with pytest.raises(EmulatorError, match="board 'an521' is unknown, use one of: an383"):
        list(judge_boards(("an521",), HEADER))


def test_a_row_passes_only_if_all_of_it_is_sound() -> None:
    assert ROW.passed
    assert not replace(ROW, clauses=(ClauseResult("HDR-1", "failed", 10, "x"),)).passed
    assert not replace(ROW, clauses=(ClauseResult("HDR-1", "skipped", 0, "x"),)).passed
    assert not replace(ROW, failed_cases=1).passed
    assert not replace(ROW, unaligned="unaligned access at 0x20006001, in f").passed


def test_the_document_has_a_row_a_board_and_says_what_did_not_pass() -> None:
    text = document((ROW, replace(ROW, board="an500", cpu="cortex-m7", unaligned="unaligned access in f")))
    assert "| an386 | cortex-m4 | thumb | 1 | 0 | 1 | 10 | 51,940 | 6,000 | none | 12 |" in text
    assert "| an500 | cortex-m7 | 1,000 | 200 | 3,000,000 | 4 |" in text
    assert "| unaligned access in f |" in text
    assert "- an386, FIPS-1, skipped: no fips image" in text
    assert f"- an386: `{'ab' * 32}`" in text
    assert "Nothing failed, and nothing was skipped." in document((replace(ROW, clauses=ROW.clauses[:1]),))


def test_rows_are_in_the_order_of_the_boards() -> None:
    rows = (replace(ROW, board="vexpress-a15"), ROW, replace(ROW, board="an383"))
    assert [row.board for row in in_order(rows)] == ["an383", "an386", "vexpress-a15"]


def test_json_has_the_promised_shape() -> None:
    value = ROW.as_json()
    assert set(value) == {
        "board", "cpu", "state", "clauses", "cases", "failed", "instructions", "code_bytes", "stack_bytes",
        "unaligned", "firmware_sha256", "seconds",
    }  # fmt: skip
    assert value["instructions"] == {
        "BOOT": 1000,
        "AES_ENCRYPT AES-256 1 KiB": 200,
        "MLKEM_DECAPS ML-KEM-768": 3_000_000,
        "MLDSA_VERIFY ML-DSA-65 by seed": 4,
    }

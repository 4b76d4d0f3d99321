# SPDX-License-Identifier: GPL-2.0-or-later
"""Saved measurements: read back as they were, refused when malformed, compared by their medians."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.baseline import compare_cost, load_baseline, unmatched_rows
from harness.analysis.error import AnalysisError
from harness.report.cost import CostRow

SIGN = CostRow("MLDSA_SIGN", "ML-DSA-65", "release", 100, 1000, 5000, 64)
SEAL = CostRow("AES_ENCRYPT", "AES-256 16 B", "release", 200, 200, 200, 32)
OPEN = CostRow("AES_DECRYPT", "AES-256 16 B", "release", 200, 200, 200, 32)


def saved(path: Path, *rows: CostRow) -> Path:
    path.write_text(json.dumps([row.as_json() for row in rows]))
    return path


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    assert load_baseline(saved(tmp_path / "cost.json", SIGN, SEAL)) == (SIGN, SEAL)


# ---- what is no baseline ----

Rows = list[dict[str, Any]]


def changed(name: str, value: object) -> Callable[[Rows], Rows]:
    return lambda rows: [{**rows[0], name: value}, *rows[1:]]


def without(name: str) -> Callable[[Rows], Rows]:
    return lambda rows: [{key: value for key, value in rows[0].items() if key != name}, *rows[1:]]


def counted(**counts: object) -> Callable[[Rows], Rows]:
    return lambda rows: [{**rows[0], "instructions": {**rows[0]["instructions"], **counts}}, *rows[1:]]


MALFORMED: dict[str, Callable[[Rows], object]] = {
    "an object": lambda rows: {"rows": rows},
    "nothing": lambda rows: [],
    "null": lambda rows: None,
    "a row that is none": lambda rows: [*rows, 7],
    "no operation": without("operation"),
    "no build": without("build"),
    "an operation that is a number": changed("operation", 7),
    "instructions that are a number": changed("instructions", 7),
    "no instructions": without("instructions"),
    "no median": counted(median=None),
    "a median that is text": counted(median="1000"),
    "a median that is a fraction": counted(median=1000.5),
    "a median that is true": counted(min=True, median=True),
    "a median of zero": counted(min=0, median=0),
    "a median below the minimum": counted(median=1),
    "a negative stack": changed("stack_bytes", -8),
    "no stack": without("stack_bytes"),
    "a row twice": lambda rows: [*rows, rows[0]],
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_baseline_is_one_clear_line(tmp_path: Path, what: str) -> None:
    path = tmp_path / "cost.json"
    path.write_text(json.dumps(MALFORMED[what]([SIGN.as_json(), SEAL.as_json()])))
    assert_refused(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"[", b"\xff\xfe[]", b"[" * 100_000, b"[" + b"9" * 10_000 + b"]", b"[NaN]", b"\0" * 64]
)
def test_what_is_no_json_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cost.json"
    path.write_bytes(content)
    assert_refused(path)


def test_what_is_no_file_is_one_clear_line(tmp_path: Path) -> None:
    assert_refused(tmp_path)
    assert_refused(tmp_path / "missing.json")
    assert_refused(Path("nul\0byte"))
    assert_refused(Path(os.devnull))


def test_a_file_without_end_is_refused() -> None:
    assert_refused(Path("/dev/zero"))


def assert_refused(path: Path) -> None:
    with pytest.raises(AnalysisError) as caught:
        load_baseline(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "save one with" in message
    assert "\n" not in message


# ---- the comparison ----


def test_only_a_median_that_grew_by_more_than_the_threshold_is_a_regression() -> None:
    now = (replace(SIGN, median=1021), replace(SEAL, median=204), OPEN)
    found = compare_cost(now, (OPEN, SEAL, SIGN), 2)
    assert [(entry.row, entry.baseline) for entry in found] == [(now[0], SIGN)]
    assert found[0].percent == pytest.approx(2.1)


def test_threshold_zero_finds_one_instruction() -> None:
    assert compare_cost((replace(SEAL, median=201, maximum=201),), (SEAL,), 0)
    assert not compare_cost((SEAL,), (SEAL,), 0)
    assert not compare_cost((replace(SEAL, minimum=1, median=1),), (SEAL,), 0)


@pytest.mark.parametrize("threshold", [-1, float("nan"), float("inf")])
def test_a_threshold_that_finds_nothing_or_all_is_refused(threshold: float) -> None:
    with pytest.raises(AnalysisError, match="threshold"):
        compare_cost((SEAL,), (SEAL,), threshold)


def test_rows_of_one_side_alone_are_told() -> None:
    debug = replace(SEAL, build="debug")
    found = unmatched_rows((SIGN, debug), (OPEN, SIGN, SEAL))
    assert [(entry.row, entry.kind) for entry in found] == [(debug, "new"), (OPEN, "missing"), (SEAL, "missing")]


def test_sides_that_have_nothing_in_common_are_no_pass() -> None:
    with pytest.raises(AnalysisError, match="no row in common"):
        compare_cost((SIGN,), (SEAL,), 2)

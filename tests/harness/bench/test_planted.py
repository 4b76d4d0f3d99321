# SPDX-License-Identifier: GPL-2.0-or-later
"""Hunts end with the bug they are for, are kept, and become a table; how long one takes is not asserted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.bench.planted import Hunt, Records, document, hunt, hunt_all
from harness.bench.workers import ENGINES
from harness.fuzz.executor import Verdict
from harness.fuzz.planted import PLANTED
from harness.fuzz.replay import judged
from harness.targets.names import DEFAULT_BOARD

EASY = next(bug for bug in PLANTED if bug.name == "refused-nonce-has-a-payload")
PATIENCE = 300  # seconds on a busy machine; it takes one or two
FOUND = Hunt(EASY.name, "libfuzzer", 1, 60, True, 1.5, 1000, "00", ("mismatch",))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_easy_bug_is_found_and_kept(engine: str, firmware: Path, tmp_path: Path) -> None:
    records = Records(tmp_path / "hunts.jsonl")
    (done,) = hunt_all([EASY], [engine], [1], PATIENCE, None, records)
    assert done.found
    assert done.executions > 0
    assert records.read() == (done,)
    assert list(hunt_all([EASY], [engine], [1], PATIENCE, None, records)) == []
    with judged("", firmware, DEFAULT_BOARD) as (sound, _judges):
        assert sound.run(bytes.fromhex(done.script)) is Verdict.PASS


def test_what_is_not_there_is_not_found(firmware: Path) -> None:
    done = hunt(EASY, firmware, "libfuzzer", 1, 10, None)
    assert (done.found, done.script, done.others) == (False, "", ())
    assert done.executions > 0


def test_only_a_longer_hunt_repeats_one_in_vain(tmp_path: Path) -> None:
    records = Records(tmp_path / "folder" / "hunts.jsonl")
    assert records.read() == ()
    records.add(replace(FOUND, found=False))
    assert records.has(FOUND.bug, "libfuzzer", 1, 60)
    assert not records.has(FOUND.bug, "libfuzzer", 1, 61)
    assert not records.has(FOUND.bug, "afl", 1, 60)
    records.add(FOUND)
    assert records.has(FOUND.bug, "libfuzzer", 1, 600)
    assert records.read() == (FOUND,)


def test_the_table_has_a_row_for_each_bug_and_engine() -> None:
    hunts = [FOUND, replace(FOUND, seed=2, seconds=4.5, executions=3000), replace(FOUND, seed=3, found=False)]
    text = document(PLANTED, [*hunts, replace(FOUND, engine="afl", found=False)])
    rows = [line for line in text.splitlines() if line.startswith(f"| {EASY.name} ")]
    assert rows == [
        f"| {EASY.name} | malformed | libFuzzer | 2 of 3 | 3.0 | 4.5 | 2000 |",
        f"| {EASY.name} | malformed | AFL++ | 0 of 1 | | | |",
    ]
    assert "libFuzzer: 2 of 3 hunts have found their bug.\nAFL++: 0 of 1 hunts" in text

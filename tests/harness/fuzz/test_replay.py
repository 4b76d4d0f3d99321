# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings on defective and on sound firmware, on the executor and elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.fuzz import findings_store as store
from harness.fuzz import script as s
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.finding import FindingError, observe
from harness.fuzz.replay import Replay, minimized, on_target, replay, shorten
from harness.fuzz.script import Step, decode, encode
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget

Defective = Callable[..., Path]
SEALING = [*s.literal(bytes((1, 0, 0, 0, 0, 0)) + b"attack at dawn"), s.send(1)]
FORGED = [*s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(2)]
WRONG = encode([*SEALING, s.clock(500), s.keys(1), *FORGED, s.send(9)])


@pytest.fixture
def wrong(defective: Defective) -> Path:
    """Its firmware answers a forged tag with CRYPTO_ERROR."""
    return defective("failed-tag-is-a-crypto-error")


def on_emulated(image: Path, steps: list[Step], kind: str = "") -> Replay:
    """By the interface that all targets share, for want of another target with defects."""
    target = EmulatedTarget(image)
    try:
        return on_target(target, encode(steps), kind)
    finally:
        target.close()


def test_a_wrong_answer_is_seen_by_the_executor_and_on_a_target(wrong: Path) -> None:
    result = replay(WRONG, "mismatch", firmware=wrong)
    assert result.fails
    assert result.finding is not None
    assert result.finding.kind == "mismatch"
    assert "exchange 2, AES_DECRYPT: status: expected DECRYPTION_FAILED, got CRYPTO_ERROR" in result.text
    other = on_emulated(wrong, list(decode(WRONG)), "mismatch")
    assert (other.fails, other.text) == (True, result.text)
    assert result.as_json() == {
        "target": "emulated",
        "fails": True,
        "text": result.text,
        "exchanges": 3,
        "finding": {"id": result.finding.id, "kind": "mismatch", "location": result.finding.location},
    }


@pytest.mark.parametrize("target", ["emulated", "model"])
def test_a_finding_that_is_gone(firmware: Path, target: str) -> None:
    result = replay(WRONG, "mismatch", target, firmware)
    assert not result.fails
    assert result.text == "passed: every answer as the model demands"
    assert [exchange.status for exchange in result.exchanges] == [0, table.Status.DECRYPTION_FAILED, 2]


@pytest.mark.parametrize("key", [0x41, 0x42, 0x43])
def test_planted_defects_on_the_executor(planted: Path, key: int) -> None:
    script = encode([*SEALING, s.fill(1, key), s.fill(20), s.send(1)])
    result = replay(script, firmware=planted)
    assert result.fails
    assert result.unanswered
    assert result.finding is not None
    assert result.finding.kind == ("fault" if key == 0x41 else "hang")


def test_a_fault_on_a_target(planted: Path) -> None:
    result = on_emulated(planted, [*SEALING, s.fill(1, 0x41), s.fill(20), s.send(1)], "fault")
    assert result.fails
    assert result.unanswered
    assert result.text.startswith("exchange 2: write not granted at 0x60000000")


@pytest.mark.parametrize("kind", ["", "double-fetch"])
def test_a_double_fetch_is_looked_for(defective: Defective, kind: str) -> None:
    result = replay(encode(SEALING), kind, firmware=defective("payload-fetched-twice"))
    assert result.finding is not None
    assert result.finding.kind == "double-fetch"


def test_what_a_target_cannot_do_or_see_is_said(firmware: Path) -> None:
    race = [*SEALING, s.race(3), *SEALING]
    with pytest.raises(FindingError, match=r"^step 3, change bits 0xff .*: target model cannot do it, and nothing was"):
        on_target(ModelTarget(), encode(race))
    for kind in ("double-fetch", "residue", "sanitizer"):
        with pytest.raises(FindingError, match=f"{kind} cannot be seen on target model"):
            replay(encode(SEALING), kind, "model")
    assert not replay(encode(SEALING), "residue", firmware=firmware).fails


def test_what_is_wrong_before_a_step_that_cannot_be_done_counts(wrong: Path) -> None:
    assert on_emulated(wrong, [*FORGED, s.race(3), *SEALING]).fails


def test_a_wrong_answer_is_shortened(wrong: Path) -> None:
    found, result = shorten(WRONG, "mismatch", wrong, "an386")
    assert result.complete
    assert found.original == WRONG
    assert found.finding.script == result.script
    assert len(list(decode(result.script))) <= 3
    assert "  response CRYPTO_ERROR, payload of 0 bytes" in found.listing
    assert found.finding.report.startswith("exchange 1, AES_DECRYPT: status: ")
    with pytest.raises(FindingError, match="does not fail on this firmware"):
        shorten(encode(SEALING), "mismatch", wrong, "an386")


@pytest.fixture
def reproduced(pytester: pytest.Pytester, planted_executor: Executor) -> Path:
    """The folder of a fault, in a folder of its own."""
    script = encode([*SEALING, s.fill(1, 0x41), s.fill(20), s.send(1)])
    assert planted_executor.run(script) is Verdict.FAULT
    found, _ = minimized(planted_executor, observe(planted_executor, script, Verdict.FAULT))
    return store.save(pytester.path, found)


def test_the_generated_test_fails_while_the_defect_is_there(
    pytester: pytest.Pytester, reproduced: Path, planted: Path, firmware: Path
) -> None:
    test = reproduced / store.TEST
    broken = pytester.runpytest_subprocess(test, "--firmware", planted)
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(["*write not granted at 0x60000000*"])
    pytester.runpytest_subprocess(test, "--firmware", firmware).assert_outcomes(passed=1)
    pytester.runpytest_subprocess(test, "--target", "model").assert_outcomes(passed=1)


def test_what_is_stored_replays(reproduced: Path, planted: Path) -> None:
    stored = store.load(reproduced)
    again = replay(stored.finding.script, stored.finding.kind, firmware=planted)
    assert again.finding == replace(stored.finding, report=again.text)
    assert again.text == stored.finding.report
    assert "  no sound answer, " in stored.listing

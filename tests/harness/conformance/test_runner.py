# SPDX-License-Identifier: GPL-2.0-or-later
"""A conformance run as a function."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.coverage import CoverageRecorder
from emulator.errors import EmulatorError
from emulator.image import load_image
from emulator.source_coverage import source_coverage
from harness.clauses import CLAUSES, Clause
from harness.conformance import plugin, runner
from harness.conformance.runner import ConformanceError, ConformanceOptions, run_conformance
from harness.targets.base import TargetError


def test_one_clause_on_the_real_firmware(firmware: Path) -> None:
    run = run_conformance(ConformanceOptions(firmware=firmware, clauses=("HDR-2",)))
    (clause,) = run.clauses
    assert (clause.id, clause.outcome) == ("HDR-2", "passed")
    assert run.passed
    assert run.exchanges > 0
    assert run.instructions > 0
    assert run.firmware_build == "release"
    assert "crypto service" in run.uart


def test_coverage_is_that_of_every_system_in_which_the_image_ran(firmware: Path) -> None:
    """Of the service in all of them: alone, beside the gateway (CLI-1), beside a hostile one (ISO-1)."""
    image = load_image(firmware, AN386)
    blocks = {}
    for clause in ("HDR-2", "CLI-1", "ISO-1"):
        recorder = CoverageRecorder()
        run = run_conformance(ConformanceOptions(firmware=firmware, clauses=(clause,)), coverage=recorder)
        assert run.passed
        blocks[clause] = sum(recorder.data(image).blocks().values())
    assert all(count > 1000 for count in blocks.values()), blocks
    sources = source_coverage(image, recorder.data(image))
    assert sources.file("service/ipc.c").line_share.hit > 0


def test_a_clause_that_is_not_built_is_no_pass(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unbuilt = Clause("NEW-1", "a chapter to come", "what no case judges yet", built=False)
    monkeypatch.setattr(runner, "CLAUSES", (*CLAUSES, unbuilt))
    monkeypatch.setattr(plugin, "_CLAUSE_IDS", plugin._CLAUSE_IDS | {unbuilt.id})
    run = run_conformance(ConformanceOptions(firmware=firmware, clauses=(unbuilt.id,)))
    assert [(clause.outcome, clause.detail) for clause in run.clauses] == [("skipped", "not built")]
    assert not run.passed


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="XYZ-1"):
        run_conformance(ConformanceOptions(target="model", clauses=("XYZ-1",)))
    with pytest.raises(TargetError, match="unknown"):
        run_conformance(ConformanceOptions(target="abacus"))
    broken = tmp_path / "broken.elf"
    broken.write_bytes(b"\x7fELF")
    with pytest.raises(EmulatorError, match=r"broken\.elf"):
        run_conformance(ConformanceOptions(firmware=broken))


def test_nothing_is_left_behind_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hypothesis.configuration.__hypothesis_home_directory_default", tmp_path / ".hypothesis")
    assert run_conformance(ConformanceOptions("model", clauses=("HDR-2",))).passed
    assert list(tmp_path.iterdir()) == []

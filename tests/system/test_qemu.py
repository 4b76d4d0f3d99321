# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole paths with QEMU: clauses judged, a defect caught, the emulator compared with it, a run that loses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.conformance.runner import ConformanceOptions, run_conformance
from harness.differential.session import run_diff
from harness.fuzz.patched import build_patched
from harness.targets.emulated import EmulatedTarget
from harness.targets.qemu import QemuTarget

MUTANTS = Path(__file__).parents[1] / "mutants"
PATIENCE = 120  # seconds for a process to begin or to end on a busy machine


def test_clauses_are_judged_or_skipped_with_what_is_lacking(firmware: Path) -> None:
    clauses = ("HDR-2", "NON-4", "ISO-1", "CLI-1")
    run = run_conformance(ConformanceOptions("qemu", firmware, clauses=clauses))
    outcomes = {clause.id: clause.outcome for clause in run.clauses}
    assert outcomes == {"HDR-2": "passed", "NON-4": "skipped", "ISO-1": "skipped", "CLI-1": "skipped"}
    assert all("target qemu lacks the capability" in c.detail for c in run.clauses if c.outcome == "skipped")
    assert run.firmware == firmware.name
    assert len(run.firmware_sha256) == 64
    assert run.environment["qemu"].startswith("QEMU emulator version")


@pytest.mark.parametrize("mutant", ["version-not-checked", "cooldown-one-microsecond-long", "two-draws-an-encryption"])
def test_defects_are_caught_in_qemu_too(mutant: str, tmp_path: Path) -> None:
    patch = MUTANTS / f"{mutant}.patch"
    clause = next(line.split()[-1] for line in patch.read_text().splitlines() if line.startswith("Caught by:"))
    image = build_patched(patch, "release", tmp_path)
    run = run_conformance(ConformanceOptions("qemu", image, clauses=(clause,), stop_at_first=True))
    assert [c.outcome for c in run.clauses] == ["failed"]


def test_emulator_and_qemu_do_not_differ(emulated: EmulatedTarget, firmware: Path) -> None:
    qemu = QemuTarget(firmware)
    try:
        assert run_diff(qemu, emulated, 200, seed=11).first is None
    finally:
        qemu.close()


def _child(parent: int, name: str) -> int:
    """The process id of a parent's child by its program's name, once there is one."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if Path(f"/proc/{pid}/comm").read_text().startswith(name):
                return int(pid)
        time.sleep(0.05)
    pytest.fail(f"no {name} has begun")


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    ("who", "by", "said"),
    [("qemu", signal.SIGKILL, "hil: QEMU "), ("hil", signal.SIGINT, "hil: interrupted; nothing was written")],
)
def test_a_run_that_loses_qemu_or_is_interrupted_ends_in_one_line(
    who: str, by: signal.Signals, said: str, tmp_path: Path
) -> None:
    result = tmp_path / "result.json"
    command = [Path(sys.executable).with_name("hil"), "conform", "--target", "qemu", "--clause", "DSA-1"]
    with subprocess.Popen(
        [*command, "--json", result], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        qemu = _child(run.pid, "qemu-system")
        time.sleep(3)  # until cases run; earlier it would be a QEMU that does not start
        os.kill(qemu if who == "qemu" else run.pid, by)
        output, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, errors
    assert output == ""
    assert errors.startswith(said)
    assert errors.count("\n") == 1
    assert not result.exists()
    assert _gone(qemu)

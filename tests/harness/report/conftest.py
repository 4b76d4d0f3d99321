# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs to be rendered."""

import dataclasses
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.coverage import CoverageRecorder
from emulator.source_coverage import source_coverage
from harness.clauses import CLAUSES, Clause
from harness.protocol import codec
from harness.report.coverage import CoverageReport
from harness.report.findings import CampaignRun, FindingRow, StackFrame
from harness.report.results import CaseResult, ClauseResult, ConformanceRun, judge_clauses
from harness.targets.emulated import EmulatedTarget

FAULT = """write not granted at 0x21810004, in window_write (firmware/platform/window.c:71)
    r0 20006a10    r1 21822000    sp 20004f58    pc 00001b2e
  call chain:
    window_write (firmware/platform/window.c:71)
    main (firmware/service/main.c:33)
  last branches:
    0x00001b1a -> 0x00001b2c"""

HOSTILE = "<script>alert('x')</script>\"><b>&amp;{{ 7 * 7 }}{% raw %}\x00\x1b[2J\r\u202e\udc80]]></pre></title>\ufffe"


@pytest.fixture
def contract() -> tuple[Clause, ...]:
    """The contract as a bench sees it that does not cover the client side yet."""
    return tuple(dataclasses.replace(clause, built=not clause.id.startswith("CLI-")) for clause in CLAUSES)


@pytest.fixture
def run(contract: tuple[Clause, ...]) -> ConformanceRun:
    """Passed, failed, skipped and unbuilt clauses, one that no case judges, and a case that judges three."""
    unjudged = ("RATE-2", "RNG-3")
    cases = [
        CaseResult(f"test_{clause.id}[{i}]", (clause.id,), "passed", "", 0.25)
        for clause in contract
        if clause.built and clause.id not in unjudged
        for i in range(2)
    ]
    detail = "status: expected DECRYPTION_FAILED, got SUCCESS\n\n    a second <line>\n"
    cases += [
        CaseResult("test_forged_tag", ("AES-3", "IPC-5", "NON-2"), "failed", detail, 1.5),
        CaseResult("test_no_entropy", ("RNG-3",), "skipped", "the target cannot boot twice"),
    ]
    return ConformanceRun(
        target="emulated",
        board="an386",
        firmware="firmware/build/an386/release/service.elf",
        firmware_sha256="ab" * 32,
        firmware_build="release",
        clauses=judge_clauses(cases, contract),
        cases=tuple(cases),
        seconds=61.5,
        exchanges=20841,
        instructions=3184220911,
        uart="\nready\r\n\x1b[31m",
        faults=(FAULT,),
        environment={"unicorn": "2.1.4", "python": "3.11.2"},
    )


@pytest.fixture
def passed(run: ConformanceRun, contract: tuple[Clause, ...]) -> ConformanceRun:
    """Nothing failed; some clauses are not built."""
    cases = tuple(CaseResult(f"test_{clause.id}", (clause.id,), "passed") for clause in contract if clause.built)
    return dataclasses.replace(run, clauses=judge_clauses(cases, contract), cases=cases, faults=())


@pytest.fixture
def hostile() -> str:
    """Markup, template code, control characters, a bidirectional override, a lone surrogate, a non-character."""
    return HOSTILE


@pytest.fixture
def hostile_run() -> ConformanceRun:
    """A run in which every text is hostile."""
    return ConformanceRun(
        target=HOSTILE,
        board=HOSTILE,
        firmware=HOSTILE,
        firmware_sha256=HOSTILE,
        firmware_build=HOSTILE,
        clauses=(
            ClauseResult(HOSTILE, "failed", 1, HOSTILE),
            ClauseResult("IPC-1", "skipped", 0, HOSTILE),
            ClauseResult("IPC-2", "failed", 0, HOSTILE),
        ),
        cases=(
            CaseResult(HOSTILE, (HOSTILE,), "failed", HOSTILE),
            CaseResult(HOSTILE, ("IPC-1",), "skipped", HOSTILE),
            CaseResult(HOSTILE, (), "passed", HOSTILE),
        ),
        seconds=0.0,
        uart=HOSTILE,
        faults=(HOSTILE,),
        environment={HOSTILE: HOSTILE},
    )


@pytest.fixture(scope="session")
def reached(firmware: Path) -> CoverageReport:
    """What the release image executes at power-on and for one request that needs no key."""
    target = EmulatedTarget(firmware, AN386.name)
    recorder = CoverageRecorder()
    with recorder.watch(target.machine.task):
        target.boot(bytes(range(48)), b"")
        target.set_clock(1_000_000)
        target.exchange(codec.mlkem_keygen(7))
    target.close()
    data = recorder.data(target.image)
    return CoverageReport.of(target.image, data, source_coverage(target.image, data))


@pytest.fixture
def campaign() -> CampaignRun:
    """Two findings of four kinds: one with a call chain, one without."""
    chain = (
        StackFrame("wipe+0x10 (crypto/wipe.c:20)", "wipe", "crypto/wipe.c", 20),
        StackFrame("reset+0x36", "reset"),
        StackFrame("0x00000010"),
    )
    where = "write not granted in wipe crypto/wipe.c:20"
    return CampaignRun(
        firmware="firmware/build/an386/release/service.elf",
        firmware_sha256="ab" * 32,
        firmware_build="release",
        tool_version="0.1.0",
        kinds=("fault", "hang", "mismatch", "status"),
        findings=(
            FindingRow(
                "fault-0123456789ab", "fault", where, chain, FAULT, "cd" * 32, 7, "fault-0123456789ab/input.bin"
            ),
            FindingRow("mismatch-0123456789ab", "mismatch", "AES_DECRYPT status", (), "both sides", "ef" * 32),
        ),
        executions=50_000_000,
        seconds=600.25,
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's own test file against the bench's fixtures, as pytest runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.conformance.plugin import Recorder

USERS_TEST = """
import pytest
from harness.protocol.commands import Status

def test_encrypts(dut):
    assert dut.aes_encrypt(1, b"attack at dawn").status is Status.SUCCESS

def test_has_clock_and_keys(dut, clock, keys):
    keys.rotate(1)
    clock.advance(1_000_000)
    assert dut.aes_encrypt(1).status is Status.SUCCESS

@pytest.mark.clause("HDR-1")
def test_judges_a_clause(dut):
    assert dut.send(0x01, magic=0).status is Status.INVALID_HEADER

@pytest.mark.slow
def test_takes_long(dut):
    pass
"""


@pytest.mark.parametrize("target", ["emulated", "model"])
def test_a_users_file_runs_on_any_target(pytester: pytest.Pytester, firmware: Path, target: str) -> None:
    pytester.makepyfile(USERS_TEST)
    pytester.runpytest("--target", target).assert_outcomes(passed=3, skipped=1)


def test_slow_cases_run_when_asked(pytester: pytest.Pytester, firmware: Path) -> None:
    pytester.makepyfile(USERS_TEST)
    pytester.runpytest("--target", "model", "--full").assert_outcomes(passed=4)


def test_a_clause_selects_its_cases(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USERS_TEST)
    pytester.runpytest("--target", "model", "--clause", "HDR-1").assert_outcomes(passed=1, deselected=3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--clause", "XYZ-1"), "clause 'XYZ-1' is unknown"),
        (("--target", "abacus"), "target 'abacus' is unknown"),
        (("--firmware", "/no/such.elf"), "no such firmware image"),
        (("--board", "toaster"), "toaster"),
    ],
)
def test_wrong_options_are_told(pytester: pytest.Pytester, firmware: Path, options: tuple[str, ...], said: str) -> None:
    pytester.makepyfile(USERS_TEST)
    result = pytester.runpytest(*options)
    assert result.ret != pytest.ExitCode.OK
    assert said in result.stdout.str() + result.stderr.str()


def test_a_case_that_looks_for_what_a_firmware_does_not_have_is_skipped(
    pytester: pytest.Pytester, firmware: Path
) -> None:
    look = "assert dut.emulated.peek('no_such_variable') == 0"
    pytester.makepyfile(f"""
import pytest
@pytest.mark.clause("HDR-1")
def test_judges_a_clause(dut):
    {look}
def test_of_ones_own(dut):
    {look}
""")
    result = pytester.runpytest("-rs")
    result.assert_outcomes(skipped=1, failed=1)
    assert "the case looks into the firmware" in result.stdout.str()


def test_an_unknown_clause_in_a_mark_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.clause('XYZ-1')\ndef test_x(): pass\n")
    result = pytester.runpytest("--target", "model")
    assert "clause 'XYZ-1' is unknown" in result.stdout.str() + result.stderr.str()


PHASES = """
import pytest

@pytest.fixture
def before():
    raise OSError("before")

@pytest.fixture
def behind():
    yield
    raise OSError("behind")

def test_passes(): pass
def test_fails(): assert 1 == 2
def test_cannot_begin(before): pass
def test_cannot_end(behind): pass
def test_fails_and_cannot_end(behind): assert 3 == 4
def test_skips(): pytest.skip("why not")
"""


def test_each_case_has_one_result(pytester: pytest.Pytester) -> None:
    recorder = Recorder()
    pytester.makepyfile(test_phases=PHASES)
    pytester.inline_run("--target", "model", plugins=[recorder])
    results = [(case.name.split("::test_")[1], case.outcome, case.detail.splitlines()[:1]) for case in recorder.cases]
    assert results == [
        ("passes", "passed", []),
        ("fails", "failed", ["assert 1 == 2"]),
        ("cannot_begin", "failed", ["OSError: before"]),
        ("cannot_end", "failed", ["OSError: behind"]),
        ("fails_and_cannot_end", "failed", ["assert 3 == 4"]),
        ("skips", "skipped", ["why not"]),
    ]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions begin where they should: at power-on, or exactly where the executor has seen a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.stop import Fault
from harness.debugging.opening import at_finding, at_power_on, stub
from harness.fuzz import script as s
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.finding import FindingError
from harness.fuzz.patched import build_patched
from harness.fuzz.script import Step
from harness.protocol import codec
from harness.targets.emulated import EmulatedTarget

PLANTED = Path(__file__).parents[2] / "planted"
FIRST = codec.aes_encrypt(1, b"", b"an exchange before it")

Build = Callable[[str, str], Path]


@pytest.fixture
def planted(tmp_path: Path) -> Build:
    """Returns planted(bug, build): the image with that bug."""
    return lambda bug, build: build_patched(PLANTED / f"{bug}.patch", build, tmp_path)


def steps_of(request: bytes) -> list[Step]:
    return [*s.literal(request[8:]), s.send(request[2])]


def test_power_on_is_before_the_first_instruction(firmware: Path) -> None:
    debuggee = at_power_on(firmware)
    vectors = debuggee.timeline.system.read(debuggee.board.code.base, 8)
    assert debuggee.timeline.now.count == 0
    assert debuggee.timeline.system.tasks["service"].cpu.pc == int.from_bytes(vectors[4:], "little") & ~1
    assert stub(debuggee).stop_reply() == b"T05thread:1;"
    debuggee.close()


@pytest.mark.parametrize(
    ("bug", "build", "request_", "signal"),
    [
        ("plaintext-of-4919-bytes", "release", codec.aes_encrypt(1, b"", bytes(0x1337)), b"T0b"),
        ("magic-in-the-plaintext", "release", codec.aes_encrypt(1, b"", b"LOCK..."), b"T0b"),
        ("nested-context", "release", codec.mldsa_verify(0, b"(" * 255, b"", b""), b"T0b"),
        ("shift-by-32", "sanitize", codec.mldsa_sign(0, bytes(32), b""), b"T06"),
    ],
)
def test_a_fault_is_where_the_executor_has_seen_it(
    planted: Build, bug: str, build: str, request_: bytes, signal: bytes
) -> None:
    """Every register is the same; one step back, and forward again, it faults anew."""
    image = planted(bug, build)
    script = s.encode([*steps_of(FIRST), s.window(0x20000), *steps_of(request_)])
    executor = Executor(EmulatedTarget(image))
    assert executor.run(script) is Verdict.FAULT
    expected = executor.stop
    assert isinstance(expected, Fault)
    executor.close()
    debuggee = at_finding(script, "fault" if build == "release" else "sanitizer", image)
    timeline = debuggee.timeline
    assert timeline.system.tasks["service"].cpu.registers() == expected.registers
    assert stub(debuggee).stop_reply() == signal + b"thread:1;"
    now = timeline.now
    assert timeline.step_back()
    assert timeline.forward(1 << 40).why == "fault"
    assert timeline.now == now
    debuggee.close()


def test_a_loop_that_does_not_end_is_interrupted_in_it(planted: Build) -> None:
    image = planted("context-of-255-bytes", "release")
    debuggee = at_finding(s.encode(steps_of(codec.mldsa_verify(0, bytes(255), b"", b""))), "hang", image)
    place = debuggee.timeline.system.tasks["service"].symbols.describe(debuggee.timeline.system.tasks["service"].cpu.pc)
    assert "mldsa_verify_check" in place
    assert stub(debuggee).stop_reply() == b"T02thread:1;"
    debuggee.close()


def test_a_wrong_answer_is_seen_from_behind_it(planted: Build) -> None:
    image = planted("magic-in-the-aad", "release")
    debuggee = at_finding(s.encode(steps_of(codec.aes_encrypt(1, b"DBG:", b""))), "mismatch", image)
    assert stub(debuggee).stop_reply() == b"T11thread:1;"
    debuggee.close()


def test_what_does_not_fail_is_no_finding(firmware: Path) -> None:
    with pytest.raises(FindingError, match="does not fail on this firmware"):
        at_finding(s.encode(steps_of(FIRST)), "fault", firmware)

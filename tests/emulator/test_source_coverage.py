# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines, functions and branches of a small guest before and after each of them was executed, and of the real image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.calls import Calls, CallStopped
from emulator.coverage import Recording
from emulator.coverage_data import CoverageData, CoverageError
from emulator.image import load_image
from emulator.machine import Machine
from emulator.source_coverage import FileCoverage, Share, SourceCoverage, source_coverage, total

SOURCE = Path(__file__).parent / "guests" / "branching.c"


def line(words: str) -> int:
    """The number of the line that ends in a comment with these words."""
    (found,) = (n for n, text in enumerate(SOURCE.read_text().splitlines(), 1) if text.endswith(f"// {words}"))
    return found


class Guest:
    """Calls functions of the guest and reads what was reached so far."""

    def __init__(self, machine: Machine, recording: Recording) -> None:
        self._machine = machine
        self._recording = recording
        self.calls = Calls(machine)

    @property
    def coverage(self) -> SourceCoverage:
        return source_coverage(self._machine.image, self._recording.data)

    @property
    def file(self) -> FileCoverage:
        return self.coverage.file("main.c")

    def times(self, words: str) -> int:
        """Of the line with these words."""
        (found,) = (entry.times for entry in self.file.lines if entry.line == line(words))
        return found

    def ways(self, words: str, function: str) -> list[tuple[int, ...]]:
        """Times of the ways of each branch of that line in `function`, in the order of the code."""
        return [b.times for b in self.file.branches if b.line == line(words) and b.function == function]

    def functions(self) -> dict[str, int]:
        return {function.name: function.times for function in self.file.functions}


@pytest.fixture
def guest(branching: Path) -> Iterator[Guest]:
    machine = Machine(AN386, load_image(branching, AN386))
    with Recording(machine.task) as recording:
        yield Guest(machine, recording)
    machine.close()


def test_a_line_is_reached_once_it_was_executed(guest: Guest) -> None:
    guest.calls.call("pick", 1)
    assert (guest.times("branch"), guest.times("taken work"), guest.times("other work")) == (1, 0, 1)
    guest.calls.call("pick", 4)
    guest.calls.call("pick", 5)
    assert (guest.times("branch"), guest.times("taken work"), guest.times("other work")) == (3, 2, 1)


def test_both_ways_of_a_branch_are_told_apart(guest: Guest) -> None:
    ((nobody, nowhere),) = guest.ways("branch", "pick")
    assert (nobody, nowhere) == (0, 0)
    guest.calls.call("pick", 1)
    ((one, other),) = guest.ways("branch", "pick")
    assert sorted((one, other)) == [0, 1]
    assert total(b.share for b in guest.file.branches if b.reached) == Share(1, 2)
    for argument in (4, 5):
        guest.calls.call("pick", argument)
    assert guest.ways("branch", "pick") == [(one + (0 if one else 2), other + (0 if other else 2))]


def test_copies_of_an_inlined_branch_are_counted_each(guest: Guest) -> None:
    guest.calls.call("pick", 1)
    guest.calls.call("both", 1)
    found = guest.ways("inlined branch", "checked")
    assert [sum(times) for times in found].count(1) == 2, found
    assert guest.times("inlined work") == 0
    assert guest.functions()["checked"] > 0
    guest.calls.call("both", 10)
    assert guest.times("inlined work") > 0


def test_each_target_of_a_table_is_a_way(guest: Guest) -> None:
    def shares() -> Share:
        return total(b.share for b in guest.file.branches if b.branch.mnemonic in ("tbb", "tbh"))

    assert shares() == Share(0, 5)
    for argument in (0, 3, 3):
        guest.calls.call("choose", argument)
    assert shares() == Share(2, 5)


def test_an_early_return_of_an_if_then_block_is_a_branch(guest: Guest) -> None:
    (branch,) = (b for b in guest.file.branches if b.branch.mnemonic == "bxeq")
    assert branch.times == (0, 0)
    for argument in (3, 3, 8):
        guest.calls.call("leaves_early", argument)
    (branch,) = (b for b in guest.file.branches if b.branch.mnemonic == "bxeq")
    assert (branch.times, branch.function, branch.reached) == ((2, 1), "leaves_early", True)


def test_what_lies_behind_a_fault_is_not_reached(guest: Guest) -> None:
    with pytest.raises(CallStopped):
        guest.calls.call("stumbles", 0)
    assert guest.times("behind the refusal") == 0
    guest.calls.call("stumbles", guest.calls.buffer(4))
    assert guest.times("behind the refusal") == 1


def test_functions_are_entered_or_not(guest: Guest) -> None:
    for argument in (1, 2, 3):
        guest.calls.call("pick", argument)
    functions = guest.functions()
    assert functions["pick"] == 3
    assert functions["never_called"] == 0
    assert guest.times("nobody comes here") == 0
    assert {name for name, times in functions.items() if times} == {"pick", "work"}
    assert guest.file.function_share == Share(2, len(functions))


def test_a_line_without_code_is_not_counted(guest: Guest) -> None:
    lines = {entry.line for entry in guest.file.lines}
    text = SOURCE.read_text().splitlines()
    assert all(text[number - 1].strip() not in ("", "else", "case 1:", "#include <stdint.h>") for number in lines)
    assert guest.file.line_share == Share(0, len(lines))


def test_coverage_of_another_image_is_refused(branching: Path) -> None:
    image = load_image(branching, AN386)
    with pytest.raises(CoverageError, match="record it again") as caught:
        source_coverage(image, CoverageData("ab" * 32, {}))
    assert "\n" not in str(caught.value)


def test_an_image_without_debug_information_has_no_sources(branching: Path, build_elf: object) -> None:
    assert callable(build_elf)
    path = build_elf({"main.c": SOURCE.read_text()}, "-g0")
    image = load_image(path, AN386)
    assert source_coverage(image, CoverageData(image.sha256, {})).files == ()


def test_the_whole_release_image_is_read(firmware: Path) -> None:
    """Every source of the image is there, none of the compiler's own headers, nothing is reached, no share empty."""
    image = load_image(firmware, AN386)
    coverage = source_coverage(image, CoverageData(image.sha256, {}))
    names = {file.name for file in coverage.files}
    assert {"service/ipc.c", "service/message.h", "crypto/gcm.c", "crypto/keccak_armv7m.S"} <= names
    root = firmware.parents[3]
    assert all((root / name).is_file() for name in names)
    assert total(file.line_share for file in coverage.files).hit == 0
    assert all(file.line_share.found for file in coverage.files)
    assert total(file.branch_share for file in coverage.files).found > 1000
    with pytest.raises(KeyError):
        coverage.file("service/none.c")

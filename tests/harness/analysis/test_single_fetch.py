# SPDX-License-Identifier: GPL-2.0-or-later
"""Places and grades; what a second fetch looks like in a report is in test_watch.py, on firmware that has one."""

from __future__ import annotations

import pytest

from emulator.cpu import WatchEvent
from harness.analysis.single_fetch import FetchWatch, Outcome, grade
from harness.targets.emulated import EmulatedTarget

PLAIN = Outcome("", bytes.fromhex("c801000002000000aabb"))


@pytest.mark.parametrize(
    ("other", "rank", "said"),
    [
        (Outcome("a hang", b""), 0, "a hang"),
        (Outcome("", bytes.fromhex("c801000003000000aabbcc")), 1, "1 bytes more"),
        (Outcome("", bytes.fromhex("c801030000000000")), 2, "status SUCCESS becomes INVALID_PAYLOAD"),
        (Outcome("", bytes.fromhex("c801000002000000aabc")), 3, "another response"),
        (PLAIN, 4, "no effect seen"),
    ],
)
def test_the_worst_grade_is_the_lowest(other: Outcome, rank: int, said: str) -> None:
    found = grade(PLAIN, other)
    assert found[0] == rank
    assert said in found[1]


def test_places_are_named(emulated: EmulatedTarget) -> None:
    watch, window = FetchWatch(emulated), emulated.board.window.base
    assert watch.place(WatchEvent(window + 0x1007, 1, False)) == "the request's header"
    assert watch.place(WatchEvent(window + 0x1008, 4, False)) == "the request's payload"
    assert watch.place(WatchEvent(window + 0x12000, 0, True)) == "the response area"

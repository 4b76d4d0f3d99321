# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from emulator.board import BOARDS, Board
from harness.conformance.isolation_tables import JUDGED_BOARDS, tables


def test_every_board_has_tables() -> None:
    assert set(JUDGED_BOARDS) == {board.name for board in BOARDS}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_the_tables_are_the_boards(board: Board) -> None:
    found = tables(board.name)
    for task in board.tasks:
        rows = {grant.name: (grant.base, grant.end, grant.access) for grant in board.grants(task)}
        assert rows == {name: (place.start, place.end, place.access) for name, place in found.grants[task.name].items()}
    shadow = {region.name: (region.base, region.end, region.access) for region in board.shadow}
    assert shadow == {name: (place.start, place.end, place.access) for name, place in found.shadow.items()}


def test_what_nobody_may_touch_is_in_no_grant() -> None:
    for board in BOARDS:
        found = tables(board.name)
        granted = [place for grants in found.grants.values() for place in grants.values()]
        for name, place in found.nobodys.items():
            assert place.access == ""
            assert not [other for other in granted if place.start < other.end and other.start < place.end], name


def test_null_is_text_or_nobodys() -> None:
    for board in BOARDS:
        assert ("null" in tables(board.name).nobodys) == (board.code.base != 0)

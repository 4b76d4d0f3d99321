# SPDX-License-Identifier: GPL-2.0-or-later
"""`monitor` commands: what each tells and does, and one line for what cannot be done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.board import AN386
from emulator.gdbserver.monitor import Command, MonitorError, commands, execute
from emulator.gdbserver.timeline import Moment, Timeline

Guest = Callable[..., Timeline]
LOOP = (0x2003, 0x3801, 0xD1FD, 0xBF30)


@pytest.fixture
def timeline(guest: Guest) -> Timeline:
    made = guest(*LOOP)
    made.forward(5)
    return made


def test_help_lists_every_command_with_those_of_others(timeline: Timeline) -> None:
    table = commands([Command("ring N", "ring so many times", lambda _timeline, arguments: " ".join(arguments))])
    lines = execute(table, timeline, "").splitlines()
    assert [line.split()[0] for line in lines] == ["help", "snapshot", "restore", "moment", "clock", "ring"]
    assert lines[-1].endswith("ring so many times")
    assert execute(table, timeline, "ring 1 2") == "1 2"
    assert execute(table, timeline, "sing") == f"no command 'sing'; there are: {', '.join(table)}"


def test_snapshots_are_gone_back_to_by_name(timeline: Timeline) -> None:
    table = commands()
    assert execute(table, timeline, "snapshot here") == "snapshot here: 5 instructions executed, task service"
    timeline.forward(100)
    assert execute(table, timeline, "restore here").startswith("5 instructions executed")
    assert timeline.now == Moment(5, 0)
    timeline.go_to(Moment(1, 0))
    timeline.set_clock(1)
    assert execute(table, timeline, "restore here") == (
        "restore: no snapshot 'here': there are none; a change before a snapshot's moment forgets it"
    )
    assert "snapshot 1: 1 instruction executed" in execute(table, timeline, "snapshot")


def test_moments_by_count(timeline: Timeline) -> None:
    table = commands()
    assert execute(table, timeline, "moment") == "5 instructions executed, task service"
    assert execute(table, timeline, "moment 2").startswith("2 instructions executed")
    assert timeline.now == Moment(2, 0)
    assert execute(table, timeline, "moment 3") == "moment: 3 instructions were not executed yet: continue"


def test_the_clock_is_shown_set_and_advanced(timeline: Timeline) -> None:
    table = commands()
    told = [execute(table, timeline, f"clock {argument}") for argument in ("", "0x10", "+5", "")]
    assert told == ["clock: 0 us", "clock: 16 us", "clock: 21 us", "clock: 21 us"]
    assert timeline.system.read(AN386.kernel_page.base + 8, 8) == (21).to_bytes(8, "little")
    for wrong in ("-1", "x", f"{1 << 64}", f"+{(1 << 64) - 1}", "1 2"):
        assert execute(table, timeline, f"clock {wrong}").startswith("clock: ")
        assert timeline.system.kernel_page.now == 21


def test_what_a_command_cannot_do_is_one_line(timeline: Timeline) -> None:
    def fail(_timeline: Timeline, _arguments: list[str]) -> str:
        raise MonitorError("not today: try tomorrow")

    assert execute(commands([Command("fail", "", fail)]), timeline, "fail") == "fail: not today: try tomorrow"

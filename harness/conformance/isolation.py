# SPDX-License-Identifier: GPL-2.0-or-later
"""What isolation is judged by: who may touch what, written down by hand, and tasks that try everything else.

The tables stand here as docs/architecture.md draws them, not as emulator/board.py has them, so that a slip in a board's
rows is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.board import Board
from emulator.errors import EmulatorError
from emulator.image import Image, load_image
from emulator.l4.scheduler import FaultReport
from emulator.l4.task import Task
from emulator.stop import Fault
from harness.targets.base import Target
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_gateway, default_hostile
from harness.targets.tasks import Attack

BOARD = "an386"
SERVICE, GATEWAY = "service", "gateway"
WORD = 4
PAGE = 0x1000


@dataclass(frozen=True, slots=True)
class Place:
    """A range of addresses, its end excluded, and what may be done there: some of the letters r, w, x."""

    start: int
    end: int
    access: str


# ISO-2, board an386: all that each task may touch.
_SHARED = {"kernel page": Place(0x2180_0000, 0x2180_1000, "r"), "window": Place(0x2181_0000, 0x2183_3000, "rw")}
GRANTS: dict[str, dict[str, Place]] = {
    SERVICE: {
        "code": Place(0x0000_0000, 0x0020_0000, "rx"),
        "stack": Place(0x2000_1000, 0x2000_5000, "rw"),
        "data": Place(0x2000_6000, 0x2004_0000, "rw"),
        "bulk": Place(0x2004_0000, 0x2014_0000, "rw"),
        "filters": Place(0x2100_0000, 0x2180_0000, "rw"),
        "utcb": Place(0x2184_0000, 0x2184_1000, "rw"),
        "entropy page": Place(0x2180_2000, 0x2180_3000, "rw"),
        "key storage": Place(0x2180_4000, 0x2180_F000, "r"),
        "uart": Place(0x4000_4000, 0x4000_5000, "rw"),
        "system control": Place(0xE000_E000, 0xE000_F000, "rw"),
        **_SHARED,
    },
    GATEWAY: {
        "gateway code": Place(0x0020_0000, 0x0040_0000, "rx"),
        "gateway stack": Place(0x2020_1000, 0x2020_5000, "rw"),
        "gateway data": Place(0x2020_6000, 0x2024_0000, "rw"),
        "gateway bulk": Place(0x2024_0000, 0x2034_0000, "rw"),
        "gateway utcb": Place(0x2184_2000, 0x2184_3000, "rw"),
        "host port": Place(0x2185_0000, 0x2187_1000, "rw"),
        **_SHARED,
    },
}
# What the service is granted beside that if its image has sanitizers, and nobody else: a byte for each eight of memory.
SHADOW = {
    "shadow of ssram1": Place(0x6000_0000, 0x6008_0000, "rw"),
    "shadow of ssram23": Place(0x6400_0000, 0x6408_0000, "rw"),
    "shadow of psram": Place(0x6420_0000, 0x6440_0000, "rw"),
    "shadow of uart": Place(0x6800_0000, 0x6800_1000, "rw"),
    "shadow of system control": Place(0x7C00_1000, 0x7C00_2000, "rw"),
}
# What no task may touch at all, beside the guards: the bench's own, an address of nothing, the last word of all.
_NOBODYS = {
    **{name: Place(place.start, place.end, "") for name, place in SHADOW.items()},
    "return pad": Place(0x1FFF_0000, 0x1FFF_1000, ""),
    "call scratch": Place(0x2190_0000, 0x21A0_0000, ""),
    "nowhere": Place(0x1234_5678, 0x1234_5680, ""),
    "end of the address space": Place(0xFFFF_FFF8, 0x1_0000_0000, ""),
}

_ACCESS = {Attack.READ: "r", Attack.WRITE: "w", Attack.EXECUTE: "x"}
KINDS = {
    Attack.READ: "read not granted",
    Attack.WRITE: "write not granted",
    Attack.EXECUTE: "execution not granted",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One access that has to be refused."""

    place: str
    attack: Attack
    address: int

    def __str__(self) -> str:
        return f"{self.attack.name.lower()} {self.place} {self.address:#010x}"


def attempts(task: str) -> tuple[Attempt, ...]:
    """Everything that `task` may not do: the first and the last word of each place, with each access."""
    return tuple(
        Attempt(name, attack, address)
        for name, place in _places(task)
        for attack, letter in _ACCESS.items()
        if letter not in place.access
        for address in (place.start, place.end - WORD)
    )


def _places(task: str) -> Iterator[tuple[str, Place]]:
    """Every place, with what `task` may do there; its own ones first."""
    own = GRANTS[task]
    (other,) = set(GRANTS) - {task}
    foreign = {name: Place(place.start, place.end, "") for name, place in GRANTS[other].items() if name not in own}
    window = own["window"]
    stack = own["stack" if task == SERVICE else "gateway stack"]
    holes = {
        "below the window": Place(window.start - PAGE, window.start, ""),
        "above the window": Place(window.end, window.end + PAGE, ""),
        "guard below the stack": Place(stack.start - PAGE, stack.start, ""),
        "guard above the stack": Place(stack.end, stack.end + PAGE, ""),
    }
    yield from {**own, **foreign, **holes, **_NOBODYS}.items()


# ---- images and boards ----


def judged(target: Target) -> EmulatedTarget:
    """The target as a part of a system of tasks; skips the case where there is none."""
    if not isinstance(target, EmulatedTarget):
        pytest.skip(f"target {target.name} lacks the capability tasks")
    if target.board.name != BOARD:
        pytest.skip(f"the tables of isolation are those of board {BOARD}, not of {target.board.name}")
    return target


def image_of(path: Path, board: Board, task: str) -> Image:
    """The image at `path`, linked for `task`; skips the case where it has not been built."""
    if not path.is_file():
        pytest.skip(f"{path.name} is not built: run `make firmware`")
    return load_image(path, board, board.task(task))


def hostile_image(board: Board, task: str) -> Image:
    """What attacks from the place of `task`."""
    return image_of(default_hostile(task, board.name), board, task)


def gateway_image(board: Board) -> Image:
    """The real gateway."""
    return image_of(default_gateway(board.name), board, GATEWAY)


# ---- what is checked again and again ----

_FRAME = re.compile(r"([A-Za-z_]\w*)(?:\+0x[0-9a-f]+)? \(([\w/]+\.\w+):\d+(?:, inlined)?\)$")


def functions(stop: Fault) -> list[str]:
    """The functions of a call chain, innermost first; every frame has to have a source line."""
    found = [_FRAME.match(frame) for frame in stop.call_chain]
    assert all(found), f"a frame without function and source line: {stop.call_chain}"
    return [match.group(1) for match in found if match]


def check_report(report: FaultReport, task: Task, attempt: Attempt) -> None:
    """Task, kind, exact address, program counter and symbolised call chain of a refused access (ISO-3)."""
    stop = report.stop
    assert isinstance(stop, Fault), f"{attempt}: {report}"
    found = (report.task, stop.kind, stop.address)
    assert found == (task.name, KINDS[attempt.attack], attempt.address), f"{attempt}: {report}"
    if attempt.attack is Attack.EXECUTE:
        assert stop.registers.pc == attempt.address
        callers = stop.call_chain[1:]
        assert callers[-1].startswith("reset+"), f"{attempt}: {stop.call_chain}"
        assert callers[0].startswith(("attack+", "attack_on_order+")), f"{attempt}: {stop.call_chain}"
    else:
        attack = task.image.symbols["attack"]
        assert attack.address <= stop.registers.pc < attack.address + attack.size
        assert functions(stop) == ["attack", "attack_on_order", "main", "reset"]
    text = report.report()
    assert text.startswith(f"task {task.name}: {KINDS[attempt.attack]} at {attempt.address:#010x}")
    assert f"pc {stop.registers.pc:08x}" in text


def holds_word(task: Task, address: int) -> bytes:
    """The word behind the board's address, if there is memory; for whether a refused write has left its mark."""
    try:
        return task.read(address, WORD)
    except EmulatorError:
        return b""

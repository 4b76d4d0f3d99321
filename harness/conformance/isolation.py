# SPDX-License-Identifier: GPL-2.0-or-later
"""What isolation is judged by: tasks that try everything that the tables by hand (isolation_tables) do not allow."""

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
from harness.conformance.isolation_tables import GATEWAY, JUDGED_BOARDS, PAGE, SERVICE, WORD, Place, Tables, tables
from harness.targets.base import Target
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_gateway, default_hostile
from harness.targets.tasks import Attack

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


def attempts(task: str, board: str) -> tuple[Attempt, ...]:
    """Everything that `task` may not do on a judged board: the first and the last word of each place, each access."""
    return tuple(
        Attempt(name, attack, address)
        for name, place in _places(task, tables(board))
        for attack, letter in _ACCESS.items()
        if letter not in place.access
        for address in (place.start, place.end - WORD)
    )


def _places(task: str, found: Tables) -> Iterator[tuple[str, Place]]:
    """Every place, with what `task` may do there; its own ones first."""
    own = found.grants[task]
    (other,) = set(found.grants) - {task}
    foreign = {
        name: Place(place.start, place.end, "") for name, place in found.grants[other].items() if name not in own
    }
    window = own["window"]
    stack = own["stack" if task == SERVICE else "gateway stack"]
    holes = {
        "below the window": Place(window.start - PAGE, window.start, ""),
        "above the window": Place(window.end, window.end + PAGE, ""),
        "guard below the stack": Place(stack.start - PAGE, stack.start, ""),
        "guard above the stack": Place(stack.end, stack.end + PAGE, ""),
    }
    yield from {**own, **foreign, **holes, **found.nobodys}.items()


# ---- images and boards ----


def judged(target: Target) -> EmulatedTarget:
    """The target as a part of a system of tasks; skips the case where there is none."""
    if not isinstance(target, EmulatedTarget):
        pytest.skip(f"target {target.name} lacks the capability tasks")
    if target.board.name not in JUDGED_BOARDS:
        pytest.skip(f"there are no tables of isolation for board {target.board.name}")
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
        assert callers[0].startswith(("attack+", "attack_on_order+", "execute (")), f"{attempt}: {stop.call_chain}"
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

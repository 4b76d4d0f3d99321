# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as one task of a running system, beside another image in the gateway's place.

The host plays the service's client over the same window, and gives orders to hostile images (firmware/hostile): words
in the control page behind the doorbells.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

from emulator.board import Board
from emulator.image import Image
from emulator.l4.ping_pong import doorbells
from emulator.l4.scheduler import FaultReport, Outcome, Signal
from emulator.l4.system import System
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, RESET, TargetError, TargetStopped
from harness.targets.emulated import BOOT_BUDGET, describe
from harness.targets.window import NoAnswerError, Window

ORDER_DOORBELL: Final = 0x100
_ORDER = struct.Struct("<III")
_ORDER_SIZE = 16
_DONE = 12

# For one turn: above what everything but a signature needs, and little enough to find out who never waits.
TURN_BUDGET: Final = 50_000_000


class Attack(IntEnum):
    """What a hostile image can be told to do (firmware/hostile/attack.h)."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 3
    OVERFLOW = 4
    SPIN = 5
    UNDEFINED = 6


class TasksTarget:
    """Target on a board with two tasks. `reports` collects the tasks that were stopped since the last `boot`."""

    name = "tasks"
    capabilities = frozenset({CLOCK, RESET})

    def __init__(self, board: Board, service: Image, gateway: Image, signals: tuple[Signal, ...] = ()) -> None:
        order = board.window.base + ORDER_DOORBELL
        orders = tuple(Signal(task.name, order) for task in board.tasks)
        images = {board.service.name: service, board.with_gateway()[0].name: gateway}
        self.board = board
        self.system = System(board, images, (*doorbells(board), *orders, *signals))
        self._memory = self.system.view(board.window.base, board.window.size)
        self.window = Window(self._memory)
        self.reports: list[FaultReport] = []

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        now = self.system.kernel_page.now
        self.system.reset()
        self.system.kernel_page.set_clock(now)
        self.system.write(self.board.entropy_page.base, entropy)
        self.write_key_image(key_image)
        self.reports.clear()
        self.run(BOOT_BUDGET)

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange. Whatever else there is to do is done in the same run."""
        self.window.post(request)
        self.run()
        report = next((report for report in self.reports if report.task == self.board.service.name), None)
        if report is not None:
            raise TargetStopped(describe(report))
        try:
            return self.window.take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        try:
            self.system.kernel_page.set_clock(microseconds)
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        self.system.write(self.board.key_storage.base, image.ljust(table.KEY_STORAGE_SIZE, b"\0"))

    def close(self) -> None:
        """See Target.close."""
        self.system.close()

    # ---- what only a system of tasks can do ----

    def run(self, budget: int = TURN_BUDGET, turns: int = 1000) -> Outcome:
        """Let the tasks run until nothing is left to do; keeps the reports."""
        outcome = self.system.run(budget, turns=turns)
        self.reports += outcome.reports
        return outcome

    def restart(self, task: str) -> None:
        """Start one task anew, without orders and without earlier reports; the other is left as it is."""
        self._memory[ORDER_DOORBELL : ORDER_DOORBELL + _ORDER_SIZE] = bytes(_ORDER_SIZE)
        self.reports = [report for report in self.reports if report.task != task]
        self.system.restart(task)
        self.run(BOOT_BUDGET)

    def order(self, attack: Attack, address: int = 0) -> None:
        """Have the hostile task attack in its next turn; one order a start."""
        _ORDER.pack_into(self._memory, ORDER_DOORBELL, self.orders_done + 1, attack, address)

    @property
    def orders_done(self) -> int:
        """The last order that the hostile task has survived."""
        return int.from_bytes(self._memory[ORDER_DOORBELL + _DONE : ORDER_DOORBELL + _ORDER_SIZE], "little")

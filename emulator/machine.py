# SPDX-License-Identifier: GPL-2.0-or-later
"""A board with one image, the service's: the system with a single task, as most of the bench wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emulator.board import Board, Region
from emulator.image import Image
from emulator.l4.system import System
from emulator.stop import Stop
from emulator.symbols import Symbols


class Machine:
    """One emulated board that executes one image, without a scheduler: the host is the other side.

    The guest may touch what the board grants to the service, each with its own access right, and nothing else. Memory
    that hardware would leave undefined at power-on holds `fill`. `lent` is host memory for dataspaces, by their names:
    what the guest writes there is seen by whoever shares it, and the other way round.
    """

    def __init__(self, board: Board, image: Image, lent: Mapping[str, memoryview] | None = None) -> None:
        self.board = board
        self.image = image
        self.system = System(board, {board.service.name: image}, lent=lent)
        self.task = self.system.tasks[board.service.name]
        self.cpu = self.task.cpu
        self.uart = self.system.uart
        self.system_control = self.system.system_control
        self.kernel_page = self.system.kernel_page

    @property
    def symbols(self) -> Symbols:
        """Names and source lines of the image, read when first asked for."""
        return self.task.symbols

    def close(self) -> None:
        """Release the engine."""
        self.system.close()

    # ---- memory, as the host sees it ----

    def view(self, address: int, size: int) -> memoryview:
        """Host memory behind guest addresses. Writing to it bypasses the snapshot; `write` does not."""
        return self.system.view(address, size)

    def read(self, address: int, size: int) -> bytes:
        """Copy guest memory, whatever the guest's own rights to it are."""
        return self.system.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Change guest memory, whatever the guest's own rights to it are."""
        self.system.write(address, data)

    def add_memory(self, region: Region) -> None:
        """Grant the guest memory that the service itself is not granted."""
        self.system.moe.grant(self.system.moe.create(region), self.task)

    # ---- reset, run ----

    def reset(self, fill: int = 0) -> None:
        """Power-on: RAM holds `fill`, dataspaces are zero, the vector table gives stack pointer and program counter."""
        self.system.reset(fill)

    def run(self, budget: int) -> Stop:
        """Run until the guest idles, faults or has used up `budget` instructions."""
        return self.task.run(budget)

    @property
    def instructions(self) -> int:
        """Guest instructions of the last run."""
        return self.cpu.instructions

    # ---- snapshots within this process ----

    def snapshot(self, hot: tuple[tuple[int, int], ...] = ()) -> Callable[[], None]:
        """Remember memory and registers; returns what brings them back. See Task.snapshot.

        The clock is memory of the host and stays as it is.
        """
        return self.task.snapshot(hot)

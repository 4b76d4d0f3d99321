# SPDX-License-Identifier: GPL-2.0-or-later
"""A board with its tasks: one image each, their grants as the board gives them, one clock, one scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from emulator.board import Board, Region, TaskMap
from emulator.cpu import Device
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.kernel_page import KernelPage
from emulator.l4.moe import Moe
from emulator.l4.scheduler import TURNS, Outcome, Scheduler, Signal
from emulator.l4.task import Task
from emulator.peripherals.system_control import SystemControl
from emulator.peripherals.uart import Uart


class System:
    """The tasks named in `images`, at power-on.

    `signals` say which words wake whom. Memory that hardware would leave undefined at power-on holds `fill`. `lent` is
    host memory for dataspaces, by their names; see Moe.
    """

    def __init__(
        self,
        board: Board,
        images: Mapping[str, Image],
        signals: Iterable[Signal] = (),
        lent: Mapping[str, memoryview] | None = None,
    ) -> None:
        if not images:
            raise EmulatorError("a system needs a task: give at least one image by the name of its task")
        self.board = board
        self.uart = Uart()
        self.system_control = SystemControl(board.processor)
        self.moe = Moe((*board.banks, board.return_pad, *board.shadow), lent)
        for region in _memory_of(board, images):
            self.moe.create(region)
        self.kernel_page = KernelPage(self.moe.dataspace(board.kernel_page.name).memory)
        self.tasks = {name: self._task(board.task(name), image) for name, image in images.items()}
        self.scheduler = Scheduler(self.tasks.values(), self.kernel_page, self.moe, signals)
        self.reset()

    def _task(self, layout: TaskMap, image: Image) -> Task:
        task = Task(self.board, layout, image)
        devices: dict[Region | None, Device] = {
            self.board.uart: self.uart,
            self.board.system_control: self.system_control,
        }
        for region in self.board.devices(layout):
            task.map_device(region, devices[region])
        for region in (*layout.image_regions, *layout.control_pages, *self.board.shared(layout)):
            self.moe.grant(self.moe.dataspace(region.name), task)
        for region in task.shadow:
            self.moe.grant(self.moe.create(region), task)
        self.moe.load(image, task)
        return task

    def close(self) -> None:
        """Release the engines."""
        for task in self.tasks.values():
            task.close()

    # ---- memory, as the host sees it ----

    def view(self, address: int, size: int) -> memoryview:
        """Host memory behind the board's addresses. Writing to it bypasses snapshots; `write` does not."""
        return self.moe.view(address, size)

    def read(self, address: int, size: int) -> bytes:
        """Copy memory, whatever the tasks' own rights to it are."""
        return bytes(self.view(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Change memory, whatever the tasks' own rights to it are."""
        for task in self.tasks.values():
            task.cpu.touch(address, len(data))
        self.view(address, len(data))[:] = data

    # ---- reset, run ----

    def reset(self, fill: int = 0) -> None:
        """Power-on: RAM of the images holds `fill`, dataspaces and control pages are zero, every task starts anew."""
        for task in self.tasks.values():
            task.cpu.drop_snapshot()
            for region in (*task.layout.image_ram, *task.shadow):
                self.moe.dataspace(region.name).fill(fill)
            for region in (*task.layout.control_pages, *self.board.shared(task.layout)):
                self.moe.dataspace(region.name).fill(0)
        self.uart.reset()
        self.system_control.reset()
        self.kernel_page.reset()
        for task in self.tasks.values():
            task.reset()
        self.scheduler.reset()

    def restart(self, name: str, fill: int = 0) -> None:
        """Start one task anew, with its own RAM and control page as at power-on, while the others stay as they are.

        Raises EmulatorError that names the tasks where none is called `name`.
        """
        if name not in self.tasks:
            raise EmulatorError(f"task {name!r} does not run here, use one of: {', '.join(self.tasks)}")
        task = self.tasks[name]
        task.cpu.drop_snapshot()
        for region in (*task.layout.image_ram, *task.shadow):
            self.moe.dataspace(region.name).fill(fill)
        for region in task.layout.control_pages:
            self.moe.dataspace(region.name).fill(0)
        task.reset()
        self.scheduler.reset(name)

    def run(self, budget: int, *, until: int | None = None, turns: int = TURNS) -> Outcome:
        """Run the tasks until nothing is left to do; see Scheduler.run."""
        return self.scheduler.run(budget, until=until, turns=turns)


def _memory_of(board: Board, names: Iterable[str]) -> tuple[Region, ...]:
    """The memory of the named tasks, what they share once."""
    regions: dict[str, Region] = {}
    for task in map(board.task, names):
        regions |= {region.name: region for region in (*task.image_regions, *task.control_pages, *board.shared(task))}
    return tuple(regions.values())

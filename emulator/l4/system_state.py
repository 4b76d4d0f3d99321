# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of a whole system at one moment, to go back to within this process: registers, memory, scheduler, devices.

States share the pages in which they do not differ, so that many of them can be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.board import PAGE_SIZE, Region
from emulator.l4.scheduler import SchedulerState
from emulator.l4.system import System


@dataclass(frozen=True, slots=True)
class SystemState:
    """Everything on which the further run depends. `pages` are the granted memory by address; `contexts` are the
    engine's own and of no use to another process."""

    clock: int
    scheduler: SchedulerState
    contexts: tuple[tuple[object, int], ...] = field(repr=False)
    pages: Mapping[int, bytes] = field(repr=False)
    devices: tuple[bytes, int, Mapping[int, int]] = field(repr=False)


def capture(system: System, before: SystemState | None = None) -> SystemState:
    """The state now; no task may be running. Pages that are as in `before` are shared with it."""
    known = before.pages if before is not None else {}
    pages: dict[int, bytes] = {}
    for region in _memory(system):
        memory = system.read(region.base, region.size)
        for offset in range(0, region.size, PAGE_SIZE):
            page = memory[offset : offset + PAGE_SIZE]
            same = known.get(region.base + offset)
            pages[region.base + offset] = same if same == page else page
    return SystemState(
        clock=system.kernel_page.now,
        scheduler=system.scheduler.state(),
        contexts=tuple((task.cpu.engine.context_save(), task.cpu.pc) for task in system.tasks.values()),
        pages=pages,
        devices=(bytes(system.uart.captured), system.uart.dropped, system.system_control.registers),
    )


def restore(system: System, state: SystemState) -> None:
    """Bring the system that `state` was captured of back to it."""
    changed_code = False
    for region in _memory(system):
        memory = system.read(region.base, region.size)
        for offset in range(0, region.size, PAGE_SIZE):
            page = state.pages[region.base + offset]
            if memory[offset : offset + PAGE_SIZE] != page:
                system.view(region.base + offset, PAGE_SIZE)[:] = page
                changed_code = changed_code or region.executable
    for task, (context, pc) in zip(system.tasks.values(), state.contexts, strict=True):
        task.cpu.engine.context_restore(context)
        task.cpu.set_registers({"pc": pc})
        if changed_code:
            task.cpu.forget_translations()
    captured, dropped, registers = state.devices
    system.uart.captured[:] = captured
    system.uart.dropped = dropped
    system.system_control.registers = registers
    system.kernel_page.now = state.clock
    system.scheduler.set_state(state.scheduler)


def _memory(system: System) -> tuple[Region, ...]:
    """Every dataspace that a task was granted: code as well, which a debugger may change."""
    return tuple(dataspace.region for dataspace in system.moe.dataspaces)

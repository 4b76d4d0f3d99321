# SPDX-License-Identifier: GPL-2.0-or-later
"""A task: an image on a core of its own, with the grants that are its address space."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property
from typing import Literal

from emulator import cpu, sanitizer
from emulator.board import Board, Region, TaskMap
from emulator.cpu import Cpu, Device, Registers, lib
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.meter import Meter
from emulator.stop import IDLE, Breakpoint, Fault, FaultKind, LimitReached, Stop
from emulator.symbols import Symbols

LAST_BRANCHES = 16

State = Literal["running", "idle", "faulted"]

_DENIED: dict[int, FaultKind] = {
    lib.CORE_READ: "read not granted",
    lib.CORE_WRITE: "write not granted",
    lib.CORE_EXECUTE: "execution not granted",
}
_BREAKPOINT: FaultKind = "breakpoint instruction"
_EXCEPTIONS: dict[int, FaultKind] = {
    cpu.EXCEPTION_UNDEFINED: "undefined instruction",
    cpu.EXCEPTION_SUPERVISOR_CALL: "supervisor call",
    cpu.EXCEPTION_BREAKPOINT: _BREAKPOINT,
    cpu.EXCEPTION_DATA_ABORT: "unaligned access",
    cpu.EXCEPTION_RETURN: "execution not granted",
}


class Task:
    """One task of a board. It may touch its grants, each with its own access right, and nothing else.

    `state` is `running` while there is something to execute, `idle` from a wait on, and `faulted` after a fault or a
    budget used up; a faulted task runs again after `reset`.
    """

    def __init__(self, board: Board, layout: TaskMap, image: Image) -> None:
        self.name = layout.name
        self.board = board
        self.layout = layout
        self.image = image
        self.cpu = Cpu(board.cpu, until=layout.code.end - board.processor.shortest_instruction)
        if layout.wait_at is not None:
            self.cpu.wait_at(layout.wait_at)
        self.state: State = "running"
        self._execute = self.cpu.run
        self._memory: list[tuple[Region, memoryview]] = []
        self._devices: list[Region] = []

    @cached_property
    def symbols(self) -> Symbols:
        """Names and source lines of the image, read when first asked for."""
        return Symbols(self.image)

    @property
    def shadow(self) -> tuple[Region, ...]:
        """What a sanitized image is granted beside what its task is; only the service may be one."""
        wanted = self.layout == self.board.service and sanitizer.is_sanitized(self.image)
        return self.board.shadow if wanted else ()

    def close(self) -> None:
        """Release the engine."""
        self.cpu.close()

    # ---- address space ----

    @property
    def grants(self) -> tuple[Region, ...]:
        """All that the task may touch, by address."""
        granted = [region for region, _ in self._memory] + self._devices
        return tuple(sorted(granted, key=lambda region: region.base))

    def map_memory(self, region: Region, memory: memoryview) -> None:
        """Grant host memory at a region. Raises EmulatorError where another grant is already."""
        self._check_free(region)
        self.cpu.grant(region, memory)
        self._memory.append((region, memory))

    def map_device(self, region: Region, device: Device) -> None:
        """Grant device registers at a region. Raises EmulatorError where another grant is already."""
        self._check_free(region)
        self.cpu.map_device(region, device)
        self._devices.append(region)

    def region_at(self, address: int, size: int = 1) -> Region | None:
        """The grant of memory that holds all `size` bytes from `address`, None if there is none."""
        return next((region for region, _ in self._memory if region.contains(address, size)), None)

    def read(self, address: int, size: int) -> bytes:
        """Memory as the task sees it. Raises EmulatorError where it was not granted any."""
        for region, memory in self._memory:
            if region.contains(address, size):
                return bytes(memory[address - region.base : address - region.base + size])
        raise EmulatorError(f"task {self.name} has no memory at {address:#010x}..{address + size:#010x}")

    def _check_free(self, region: Region) -> None:
        taken = next((grant for grant in self.grants if grant.overlaps(region)), None)
        if taken is not None:
            raise EmulatorError(f"task {self.name}: {region.name} overlaps {taken.name}, which it was granted before")

    # ---- run ----

    def reset(self) -> None:
        """Registers as at power-on.

        M profile takes stack pointer and program counter from the vector table, A profile begins at the image's entry.
        """
        self.cpu.power_on()
        if self.board.processor.profile == "M":
            sp, pc = struct.unpack("<II", self.read(self.layout.code.base, 8))
        else:
            sp, pc = 0, self.image.entry
        self.cpu.set_registers({"sp": sp, "pc": pc, "lr": 0xFFFF_FFFF})
        self.state = "running"

    def run(self, budget: int) -> Stop:
        """Run until the guest idles, faults or has used up `budget` instructions."""
        stop = self.explain(self._execute(budget), budget)
        self.state = "idle" if stop is IDLE else "running" if isinstance(stop, Breakpoint) else "faulted"
        return stop

    def measure(self) -> Meter:
        """From now on every run is counted by the returned meter, which begins at zero."""
        meter = Meter(self.cpu)
        self._execute = meter.run
        return meter

    def explain(self, code: int, budget: int) -> Stop:
        """What the last run's end, one of lib.CORE_*, means; `budget` is what it had."""
        if code == lib.CORE_IDLE:
            return IDLE
        registers = self.cpu.registers()
        if code == lib.CORE_BREAKPOINT:
            return Breakpoint(registers.pc)
        frames = self.symbols.call_chain(registers.as_dict(), self.read)
        chain = tuple(str(frame) for frame in frames)
        if code == lib.CORE_LIMIT:
            return LimitReached(budget, registers.pc, chain)
        kind: FaultKind = "engine error"
        address: int | None = None
        detail = ""
        if code == lib.CORE_DENIED:
            kind = _DENIED[self.cpu.fault_access]
            address = self.cpu.locate_fault()
            region = self.board.region_at(address)
            detail = f"{address:#010x} is in {region.name if region else 'no region'}"
        elif code == lib.CORE_EXCEPTION:
            kind = _EXCEPTIONS.get(self.cpu.exception_number, "processor exception")
            detail = f"exception number {self.cpu.exception_number}"
            if self.cpu.exception_number == cpu.EXCEPTION_DATA_ABORT:
                address = self.cpu.unaligned_address or self._operand_address(registers)
            elif self.cpu.exception_number == cpu.EXCEPTION_RETURN:
                address = registers.pc
            report = sanitizer.read_report(self.board, self.image, self.read) if kind == _BREAKPOINT else None
            if report is not None:
                kind, address, detail = report.kind, report.address, report.detail
                chain = tuple(str(frame) for frame in sanitizer.without_runtime(frames))
        else:
            detail = self.cpu.engine_error
            if "Invalid instruction" in detail:
                kind = "undefined instruction"
        branches = tuple(self.symbols.describe(pc) for pc in self.cpu.last_blocks(LAST_BRANCHES))
        return Fault(kind, address, registers, chain, branches, detail)

    def _operand_address(self, registers: Registers) -> int | None:
        """Where the instruction at the program counter reads or writes memory."""
        # A sanitizer's runtime refuses a process that loads the decoder's library.
        from emulator.debuginfo.operands import LONGEST_INSTRUCTION, operand_address

        region = self.region_at(registers.pc)
        size = 0 if region is None else min(LONGEST_INSTRUCTION, region.end - registers.pc)
        return operand_address(self.read(registers.pc, size), self.cpu.state, registers.as_dict()) if size else None

    # ---- snapshots within this process ----

    def snapshot(self, hot: tuple[tuple[int, int], ...] = ()) -> Callable[[], None]:
        """Remember the task's memory and registers; returns what brings them back.

        `hot` ranges (address, size in bytes) are restored by one copy each time, as is right for small ones that every
        run writes. All other memory is tracked by page, as this task writes it: what another task writes is not.
        """
        self.cpu.snapshot(hot)
        return self.cpu.restore

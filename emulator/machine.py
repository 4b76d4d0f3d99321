# SPDX-License-Identifier: GPL-2.0-or-later
"""A board with an image loaded: map, load, run until it stops."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from functools import cached_property

from emulator import cpu
from emulator.board import Board, Region
from emulator.cpu import Cpu, Registers, lib
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.kernel_page import KernelPage
from emulator.peripherals.system_control import SystemControl
from emulator.peripherals.uart import Uart
from emulator.stop import IDLE, Breakpoint, Fault, FaultKind, LimitReached, Stop
from emulator.symbols import Symbols

LAST_BRANCHES = 16

_DENIED: dict[int, FaultKind] = {
    lib.CORE_READ: "read not granted",
    lib.CORE_WRITE: "write not granted",
    lib.CORE_EXECUTE: "execution not granted",
}
_EXCEPTIONS: dict[int, FaultKind] = {
    cpu.EXCEPTION_UNDEFINED: "undefined instruction",
    cpu.EXCEPTION_SUPERVISOR_CALL: "supervisor call",
    cpu.EXCEPTION_BREAKPOINT: "breakpoint instruction",
}


class Machine:
    """One emulated board that executes one image.

    The guest may touch the regions that the board names, each with its own access right, and nothing else. Memory that
    hardware would leave undefined at power-on holds `fill`.
    """

    def __init__(self, board: Board, image: Image) -> None:
        self.board = board
        self.image = image
        self.uart = Uart()
        self.system_control = SystemControl()
        self.cpu = Cpu(board.cpu, until=board.code.end - 2)
        self._banks = [(bank, memoryview(mmap.mmap(-1, bank.size))) for bank in (*board.banks, board.return_pad)]
        for bank, memory in self._banks:
            self.cpu.map_bank(bank, memory)
        self.cpu.map_device(board.uart, self.uart)
        self.cpu.map_device(board.system_control, self.system_control)
        for region in (*board.image_regions, *board.dataspaces):
            self.cpu.grant(region, self.view(region.base, region.size))
        self.kernel_page = KernelPage(self.view(board.kernel_page.base, board.kernel_page.size))
        self._load()
        self.reset()

    @cached_property
    def symbols(self) -> Symbols:
        """Names and source lines of the image, read when first asked for."""
        return Symbols(self.image)

    def close(self) -> None:
        """Release the engine."""
        self.cpu.close()

    # ---- memory, as the host sees it ----

    def view(self, address: int, size: int) -> memoryview:
        """Host memory behind guest addresses. Writing to it bypasses the snapshot; `write` does not."""
        for bank, memory in self._banks:
            if bank.contains(address, size):
                return memory[address - bank.base : address - bank.base + size]
        raise EmulatorError(f"no memory at {address:#010x}..{address + size:#010x} on board {self.board.name}")

    def read(self, address: int, size: int) -> bytes:
        """Copy guest memory, whatever the guest's own rights to it are."""
        return bytes(self.view(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Change guest memory, whatever the guest's own rights to it are."""
        self.cpu.touch(address, len(data))
        self.view(address, len(data))[:] = data

    # ---- load, reset, run ----

    def _load(self) -> None:
        for segment in self.image.segments:
            self.view(segment.load_address, len(segment.data))[:] = segment.data
        self.cpu.forget_translations()

    def reset(self, fill: int = 0) -> None:
        """Power-on: RAM holds `fill`, dataspaces are zero, the vector table gives stack pointer and program counter."""
        self.cpu.drop_snapshot()
        for region in self.board.ram:
            self._fill(region, 0 if region in self.board.dataspaces else fill)
        self.uart.reset()
        self.system_control.reset()
        self.kernel_page.reset()
        self.cpu.power_on()
        sp, pc = struct.unpack("<II", self.read(self.board.code.base, 8))
        self.cpu.set_registers({"sp": sp, "pc": pc, "lr": 0xFFFF_FFFF})

    def _fill(self, region: Region, value: int) -> None:
        memory = self.view(region.base, region.size)
        ctypes.memset((ctypes.c_char * region.size).from_buffer(memory), value, region.size)

    def run(self, budget: int) -> Stop:
        """Run until the guest idles, faults or has used up `budget` instructions."""
        code = self.cpu.run(budget)
        return IDLE if code == lib.CORE_IDLE else self._explain(code, budget)

    @property
    def instructions(self) -> int:
        """Guest instructions of the last run."""
        return self.cpu.instructions

    def _explain(self, code: int, budget: int) -> Stop:
        registers = self.cpu.registers()
        if code == lib.CORE_BREAKPOINT:
            return Breakpoint(registers.pc)
        chain = self._call_chain(registers)
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
        else:
            detail = self.cpu.engine_error
            if "Invalid instruction" in detail:
                kind = "undefined instruction"
        branches = tuple(self.symbols.describe(pc) for pc in self.cpu.last_blocks(LAST_BRANCHES))
        return Fault(kind, address, registers, chain, branches, detail)

    def _call_chain(self, registers: Registers) -> tuple[str, ...]:
        frames = self.symbols.call_chain(registers.as_dict(), self._read_for_unwinding)
        return tuple(str(frame) for frame in frames)

    def _read_for_unwinding(self, address: int, size: int) -> bytes:
        return self.read(address, size)

    # ---- snapshots within this process ----

    def snapshot(self, hot: tuple[tuple[int, int], ...] = ()) -> Callable[[], None]:
        """Remember memory and registers; returns what brings them back.

        `hot` ranges (address, size in bytes) are restored by one copy each time, as is right for small ones that every
        run writes. All other memory is tracked by page. The clock is memory of the host and stays as it is.
        """
        self.cpu.snapshot(hot)
        return self.cpu.restore

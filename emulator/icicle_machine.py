# SPDX-License-Identifier: GPL-2.0-or-later
"""The service's image in Icicle, an engine of another make: Ghidra's SLEIGH descriptions, compiled by Cranelift.

It shares no code with Unicorn and QEMU, which is what it is here for. It knows pages with access rights, ARMv7-M
instructions and WFI; of system control space, SysTick and UART it knows nothing, so that these are memory that holds
what was written. Interrupts are never taken: a WFI ends a run, and the next one goes on behind it.
"""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator import sanitizer
from emulator.board import PAGE_SIZE, Board, Region
from emulator.cpu import REGISTER_NAMES, Registers
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.stop import IDLE, Fault, FaultKind, LimitReached, Stop
from emulator.symbols import Symbols

ARCHITECTURE = "thumbv7m"
GENERAL = (*(f"r{number}" for number in range(13)), "sp", "lr")
# Icicle keeps the flags apart; their bits in xPSR (ARMv7-M ARM, B1.4.2).
FLAGS = {"NG": 1 << 31, "ZR": 1 << 30, "CY": 1 << 29, "OV": 1 << 28, "Q": 1 << 27}
_WFI_SIZE = 2
_CHUNK = 64 * 1024
_ZEROS = bytes(_CHUNK)

_PROTECTION = {"r": "ReadOnly", "rw": "ReadWrite", "rx": "ExecuteRead"}
_KINDS: dict[str, FaultKind] = {
    "ReadUnmapped": "read not granted",
    "ReadPerm": "read not granted",
    "WriteUnmapped": "write not granted",
    "WritePerm": "write not granted",
    "ExecViolation": "execution not granted",
    "InvalidInstruction": "undefined instruction",
    "SoftwareBreakpoint": "breakpoint instruction",
    "Syscall": "supervisor call",
}


@dataclass(frozen=True, slots=True)
class IcicleState:
    """Memory and registers at one moment; of memory what is not zero, by address."""

    memory: tuple[tuple[int, bytes], ...]
    registers: tuple[int, ...]
    idle: bool


def load_engine() -> Any:
    """The module `icicle`. Raises EmulatorError where it is missing or does not work on this machine."""
    try:
        return importlib.import_module("icicle")
    except (ImportError, OSError) as error:
        raise EmulatorError(
            f"the package icicle-emu is missing or unusable ({error}): run `make setup`, or take another target"
        ) from None


class IcicleMachine:
    """One board that executes the service's image in Icicle, with the grants that the emulated machine gives it.

    Raises EmulatorError for a board of another profile than M, or whose firmware polls: of waiting this machine knows
    WFI alone.
    """

    def __init__(self, board: Board, image: Image) -> None:
        if board.processor.profile != "M":
            raise EmulatorError(f"board {board.name}: icicle executes M profile alone, take the target emulated")
        if board.service.wait_at is not None:
            raise EmulatorError(f"board {board.name}: icicle waits by WFI alone, take the target emulated")
        self._icicle = load_engine()
        self.board = board
        self.image = image
        shadow = board.shadow if sanitizer.is_sanitized(image) else ()
        self._regions = (*board.grants(board.service), *shadow)
        self.instructions = 0
        self._idle = False
        self._vm = self._new_vm()
        self._sound = True
        self.reset()

    @cached_property
    def symbols(self) -> Symbols:
        """Names and source lines of the image, read when first asked for."""
        return Symbols(self.image)

    # ---- memory ----

    def read(self, address: int, size: int) -> bytes:
        """Copy guest memory, whatever the guest's own rights to it are. Raises EmulatorError where there is none."""
        try:
            return bytes(self._vm.mem_read(address, size))
        except self._icicle.MemoryException as error:
            raise EmulatorError(f"no memory at {address:#010x}..{address + size:#010x} ({error})") from None

    def write(self, address: int, data: bytes) -> None:
        """Change guest memory, whatever the guest's own rights to it are. Raises EmulatorError where there is none."""
        try:
            self._vm.mem_write(address, data)
        except self._icicle.MemoryException as error:
            raise EmulatorError(f"no memory at {address:#010x}..{address + len(data):#010x} ({error})") from None

    # ---- registers ----

    @property
    def idle(self) -> bool:
        """The guest waits."""
        return self._idle

    @property
    def row(self) -> tuple[int, ...]:
        """r0 to r12, sp, lr, pc and the flags of xpsr; pc is where the next run starts, behind a WFI that waits."""
        read = self._vm.reg_read
        flags = sum(bit for name, bit in FLAGS.items() if read(name))
        return (*(read(name) for name in GENERAL), self._vm.pc + (_WFI_SIZE if self._idle else 0), flags)

    def _set_row(self, row: tuple[int, ...]) -> None:
        for name, value in zip(GENERAL, row[:15], strict=True):
            self._vm.reg_write(name, value)
        for name, bit in FLAGS.items():
            self._vm.reg_write(name, bool(row[16] & bit))
        self._vm.pc = row[15]

    # ---- reset, snapshots ----

    def reset(self) -> None:
        """Power-on: memory is zero, the image loaded; the vector table gives stack pointer and program counter."""
        if not self._sound:
            # What was stopped within an If-Then block would decode the next code as if it were still there.
            self._vm = self._new_vm()
            self._sound = True
        self._clear()
        sp, pc = struct.unpack("<II", self.read(self.board.code.base, 8))
        self._set_row((*bytes(13), sp, 0xFFFF_FFFF, pc & ~1, 0))
        self._idle = False

    def snapshot(self) -> IcicleState:
        """The state at this moment, devices included. Reads all of the guest's memory: some 60 ms."""
        memory = ((address, self.read(address, size)) for address, size in self._chunks)
        kept = tuple((address, data) for address, data in memory if data != _ZEROS[: len(data)])
        return IcicleState(kept, self.row, self._idle)

    def restore(self, state: IcicleState) -> None:
        """Go back, or on, to a state that `snapshot` returned. Writes all of the guest's memory: some 20 ms."""
        if not self._sound:
            self.reset()
        kept = dict(state.memory)
        for address, size in self._chunks:
            self.write(address, kept.get(address, _ZEROS[:size]))
        self._set_row(state.registers)
        if state.idle:
            self._vm.pc = state.registers[15] - _WFI_SIZE
        self._idle = state.idle

    def _clear(self) -> None:
        # Not by mapping it anew: pages that are unmapped count for the engine's limit for ever.
        for address, size in self._chunks:
            self.write(address, _ZEROS[:size])
        self._load(self._vm, writable=True)

    @cached_property
    def _chunks(self) -> tuple[tuple[int, int], ...]:
        """What the guest can change, in pieces that the engine copies fastest: addresses and sizes."""
        return tuple(
            (address, min(_CHUNK, region.end - address))
            for region in self._regions
            if not region.executable
            for address in range(region.base, region.end, _CHUNK)
        )

    # ---- run ----

    def run(self, budget: int) -> Stop:
        """Run until the guest idles, faults or has used up `budget` instructions, those that are skipped included."""
        return self.advance(budget) or LimitReached(budget, self._vm.pc, self._call_chain())

    def advance(self, count: int) -> Stop | None:
        """Execute `count` instructions; the stop, where one came before or with the last. None: as wanted."""
        if self._idle:
            self._vm.pc += _WFI_SIZE
            self._idle = False
        before = self._vm.icount
        self._vm.icount_limit = before + count
        status = self._vm.run()
        self.instructions = self._vm.icount - before
        if status == self._icicle.RunStatus.InstructionLimit:
            return None
        self._idle = status == self._icicle.RunStatus.Halt
        return IDLE if self._idle else self._fault(status)

    def _fault(self, status: Any) -> Fault:
        self._sound = False
        name = str(self._vm.exception_code).rsplit(".", 1)[-1]
        kind = _KINDS.get(name, "engine error")
        address = self._vm.exception_value if kind.endswith("not granted") else None
        detail = f"icicle: {str(status).rsplit('.', 1)[-1]}, {name}"
        return Fault(kind, address, self._registers(), self._call_chain(), (), detail)

    def _call_chain(self) -> tuple[str, ...]:
        return tuple(str(frame) for frame in self.symbols.call_chain(self._registers().as_dict(), self.read))

    def _registers(self) -> Registers:
        return Registers(**dict(zip(REGISTER_NAMES, (*self.row, 0, 0), strict=True)))

    # ---- the engine ----

    def _new_vm(self) -> Any:
        try:
            # Code that is compiled anew after a minute would make two runs of one input differ in their ways.
            vm = self._icicle.Icicle(ARCHITECTURE, recompilation=False)
        except Exception as error:  # the binding raises nothing narrower
            raise EmulatorError(f"icicle does not start ({error}): run `make setup`, or take another target") from None
        vm.mem_capacity = max(vm.mem_capacity, 2 * sum(region.size for region in self._regions) // PAGE_SIZE)
        for region in self._regions:
            self._map(vm, region)
        self._load(vm, writable=False)
        return vm

    def _map(self, vm: Any, region: Region) -> None:
        vm.mem_map(region.base, region.size, getattr(self._icicle.MemoryProtection, _PROTECTION[region.access]))

    def _load(self, vm: Any, writable: bool) -> None:
        for segment in self.image.segments:
            place = self.board.region_at(segment.load_address)
            if segment.data and place is not None and place.writable == writable:
                vm.mem_write(segment.load_address, segment.data)

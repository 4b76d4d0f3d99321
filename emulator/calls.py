# SPDX-License-Identifier: GPL-2.0-or-later
"""Call one C function of the image by name: arguments by the AAPCS, memory on loan.

Used to hold a primitive against standard vectors on the emulated core without a way through the service's protocol.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from emulator.errors import EmulatorError
from emulator.machine import Machine
from emulator.processor import State
from emulator.stop import Idle, Stop

WFI: dict[State, bytes] = {"thumb": b"\x30\xbf", "arm": b"\x03\xf0\x20\xe3"}
BUDGET = 2_000_000_000
_REGISTER_ARGUMENTS = ("r0", "r1", "r2", "r3")


class CallError(EmulatorError):
    """The call cannot be made: no such function, or its arguments do not fit."""


class CallStopped(Exception):
    """The called function did not return; `stop` says what it did instead."""

    def __init__(self, name: str, stop: Stop) -> None:
        super().__init__(f"{name} did not return: {stop}")
        self.stop = stop


@dataclass(frozen=True, slots=True)
class Buffer:
    """Guest memory that lives until the next `Calls.release`."""

    address: int
    size: int


class Calls:
    """Calls into a machine's image. The machine needs no boot: the functions called must not need one either."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        board = machine.board
        for region in board.call_regions:
            machine.add_memory(region)
        # The callee returns to a WFI, which ends the run.
        self._return_to = board.return_pad.base
        self._wait = WFI[machine.cpu.state]
        machine.write(self._return_to, self._wait)
        self._link = self._return_to | (machine.cpu.state == "thumb")
        self._next = board.call_scratch.base
        self.instructions = 0

    def release(self) -> None:
        """Take back every buffer."""
        self._next = self._machine.board.call_scratch.base

    def buffer(self, content: bytes | int, align: int = 8, offset: int = 0) -> Buffer:
        """Put bytes (or that many zero bytes) into guest memory, `offset` bytes behind an aligned address.

        Raises CallError when the scratch region is full.
        """
        data = bytes(content) if isinstance(content, int) else content
        address = -(-self._next // align) * align + offset
        if address + len(data) > self._machine.board.call_scratch.end:
            raise CallError(f"{len(data)} bytes do not fit into the call scratch region, release buffers first")
        self._next = address + len(data)
        self._machine.write(address, data)
        return Buffer(address, len(data))

    def bytes_of(self, buffer: Buffer) -> bytes:
        """The buffer's content now."""
        return self._machine.read(buffer.address, buffer.size)

    def symbol(self, name: str) -> int:
        """Address of a variable or constant of the image, to be passed by reference. Raises CallError."""
        symbol = self._machine.image.symbols.get(name)
        if symbol is None:
            raise CallError(f"the image has no {name}; is it dropped by the linker?")
        return symbol.address

    def call(self, name: str, *arguments: int | bytes | Buffer, budget: int = BUDGET) -> int:
        """Call `name` and return r0. Integers are 32-bit words, bytes are lent as a read-write buffer.

        Raises CallError for an unknown function, CallStopped when it faults or exceeds the budget (instructions).
        """
        symbol = self._machine.image.symbols.get(name)
        if symbol is None:
            raise CallError(f"the image has no function {name}; is it dropped by the linker?")
        words = [self._word(argument) for argument in arguments]
        stack = words[len(_REGISTER_ARGUMENTS) :]
        # AAPCS 6.2.1.2: the stack pointer is a multiple of 8 at a public interface.
        sp = (self._machine.board.stack.end - 4 * len(stack)) & ~7
        self._machine.write(sp, struct.pack(f"<{len(stack)}I", *stack))
        registers = dict(zip(_REGISTER_ARGUMENTS, words, strict=False))
        self._machine.cpu.set_registers({**registers, "sp": sp, "lr": self._link, "pc": symbol.address})
        stop = self._machine.run(budget)
        if not isinstance(stop, Idle) or self._machine.cpu.registers().pc != self._return_to + len(self._wait):
            raise CallStopped(name, stop)
        self.instructions = self._machine.instructions - 1
        return self._machine.cpu.registers().r0

    def _word(self, argument: int | bytes | Buffer) -> int:
        if isinstance(argument, Buffer):
            return argument.address
        if isinstance(argument, bytes):
            return self.buffer(argument).address
        if not -(1 << 31) <= argument < 1 << 32:
            raise CallError(f"argument {argument} does not fit into a 32-bit word")
        return argument & 0xFFFF_FFFF

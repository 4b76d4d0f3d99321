# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that is read before it is written: a request is answered the same whatever dead memory holds.

Each request runs twice from the same state, once with dead stack and working buffers filled with a pattern. A response
that differs tells what earlier requests have left there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.stop import IDLE, Stop
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

PATTERN = 0xA5


@dataclass(frozen=True, slots=True)
class _Filling:
    address: int
    memory: memoryview
    pattern: bytes


class FilledRun:
    """Runs a target with its dead memory filled; `kept` are the names of variables that outlive a request.

    Working buffers are the variables of the bulk region but those: nothing else in it outlives a request.
    """

    def __init__(self, target: EmulatedTarget, kept: Iterable[str]) -> None:
        self._target = target
        self._machine = target.machine
        self._window = self._machine.view(target.board.window.base, target.board.window.size)
        keep, buffers = set(kept), target.board.service.bulk
        self._buffers = {
            s.name: _Filling(s.address, self._machine.view(s.address, s.size), bytes([PATTERN]) * s.size)
            for s in target.image.all_symbols
            if buffers is not None
            and s.kind == "object"
            and s.size
            and buffers.contains(s.address, s.size)
            and s.name not in keep
        }
        self._stack = self._machine.view(target.board.stack.base, target.board.stack.size)
        self._pattern = bytes([PATTERN]) * target.board.stack.size

    def response(self) -> bytes:
        """Header and payload as they stand in the window."""
        begin, head = table.WINDOW_RESPONSE, table.WINDOW_RESPONSE + table.HEADER_SIZE
        length = int.from_bytes(self._window[head - 4 : head], "little")
        return bytes(self._window[begin : head + min(length, table.MAX_PAYLOAD)])

    def run(self, budget: int, only: str | None = None) -> tuple[Stop, bytes]:
        """Fill, run, and return how it stopped and the response. `only` names the one part to fill."""
        if only in (None, "dead stack"):
            self._fill_stack()
        for name, buffer in self._buffers.items():
            if only == name or (only is None and self._is_operation()):
                self._machine.cpu.touch(buffer.address, len(buffer.pattern))
                buffer.memory[:] = buffer.pattern
        return self._machine.run(budget), self.response()

    def _fill_stack(self) -> None:
        stack = self._target.board.stack
        sp = self._machine.cpu.general_registers()[-1]
        if stack.base < sp <= stack.end:
            self._machine.cpu.touch(stack.base, sp - stack.base)
            self._stack[: sp - stack.base] = self._pattern[: sp - stack.base]

    def _is_operation(self) -> bool:
        """Whether the request gets as far as a working buffer: one of another type is refused by its header."""
        return self._window[table.WINDOW_REQUEST + 2] in table.BY_CODE

    def culprits(self, budget: int, expected: bytes) -> str:
        """Which parts make the response another one, each filled alone from the checkpoint."""
        found = []
        for name in ("dead stack", *self._buffers):
            self._machine.cpu.rollback()
            stop, response = self.run(budget, name)
            if stop is not IDLE or response != expected:
                found.append(name)
        return ", ".join(found) or "several parts together"

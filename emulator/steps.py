# SPDX-License-Identifier: GPL-2.0-or-later
"""A run instruction by instruction, with the registers before each.

The guest is not stopped between instructions: it runs on for some thousand, and what it left behind is gone through.
Memory is therefore ahead of the registers. A machine that takes no steps pays nothing for them.
"""

from __future__ import annotations

from emulator.cpu import ffi, lib
from emulator.errors import EmulatorError
from emulator.l4.task import Task
from emulator.stop import Stop

# Instructions of one run: a few milliseconds, and more than any block has.
CAPACITY = 4096

WORDS = lib.CORE_STEP_REGISTERS
# N, Z, C, V and Q of xPSR (ARMv7-M ARM, B1.4.2); the other bits say where in an instruction the engine is.
FLAGS_MASK = 0xF800_0000

Row = tuple[int, ...]


def current_row(task: Task) -> Row:
    """The registers of a task that does not run: r0 to r12, sp, lr, pc, and the flags of xpsr."""
    row = ffi.new("uint32_t[]", WORDS)
    lib.core_step_registers(task.cpu.native, row)
    return _masked(ffi.unpack(row, WORDS))


class Steps:
    """A task's next instructions, from where it stands; `close` before it runs in another way."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._steps = lib.core_steps_new(task.cpu.native, CAPACITY)
        if self._steps == ffi.NULL:
            raise EmulatorError("no memory for single steps")
        self._rows: list[int] = []
        self._position = 0
        self._end: Stop | None = None
        self._run()

    def close(self) -> None:
        """Take the engine off the slow path; calling it twice does no harm."""
        lib.core_steps_free(self._steps)
        self._steps = ffi.NULL

    @property
    def registers(self) -> Row:
        """Before the next instruction: r0 to r12, sp, lr, pc (its address), and the flags of xpsr."""
        return _masked(self._rows[self._position : self._position + WORDS])

    @property
    def stop(self) -> Stop | None:
        """Why there is no next instruction; None while there is one."""
        return self._end if self._position + WORDS == len(self._rows) else None

    def step(self) -> None:
        """Go behind the next instruction; what an If-Then block skips is passed over. Nothing happens at the end."""
        if self.stop is not None:
            return
        self._position += WORDS
        if self._position == len(self._rows):
            self._run()

    def _run(self) -> None:
        code = lib.core_steps_run(self._steps, CAPACITY)
        rows = ffi.new("uint32_t **")
        count = lib.core_steps_rows(self._steps, rows)
        self._position = 0
        self._rows = ffi.unpack(rows[0], count * WORDS)
        if code == lib.CORE_LIMIT and count:
            return
        self._end = self._task.explain(code, CAPACITY)
        self._rows += current_row(self._task)


def _masked(words: list[int]) -> Row:
    return (*words[: WORDS - 1], words[WORDS - 1] & FLAGS_MASK)

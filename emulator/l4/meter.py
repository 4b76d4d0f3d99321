# SPDX-License-Identifier: GPL-2.0-or-later
"""What a task executes, summed over its turns."""

from __future__ import annotations

import time

from emulator.cpu import Cpu


class Meter:
    """Stands before a core: counts guest instructions, and the seconds that pass inside the native core.

    A task without a meter pays nothing for it (`Task.measure`).
    """

    __slots__ = ("_cpu", "instructions", "seconds")

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self.instructions = 0
        self.seconds = 0.0

    def run(self, budget: int) -> int:
        """Cpu.run, measured."""
        begin = time.perf_counter()
        code = self._cpu.run(budget)
        self.seconds += time.perf_counter() - begin
        self.instructions += self._cpu.instructions
        return code

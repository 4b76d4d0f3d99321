# SPDX-License-Identifier: GPL-2.0-or-later
"""System control space of M profile with SysTick, or the interrupt controller of A profile: registers that hold what
was written.

Unicorn models none of it. Time is the kernel page's clock and WFI ends a run at once, so no tick needs to be delivered;
the registers exist so that start-up code written for hardware runs unmodified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from emulator.processor import Processor

# ARMv7-M Architecture Reference Manual, B3.2.2 and B3.3.2.
SYST_CSR: Final = 0x010
SYST_RVR: Final = 0x014
SYST_CVR: Final = 0x018
CPUID: Final = 0xD00


class SystemControl:
    """Plain storage of 32-bit registers, except on M profile CPUID (constant) and SYST_CVR (any write clears it)."""

    def __init__(self, core: Processor) -> None:
        self._at_power_on = {CPUID: core.cpuid} if core.profile == "M" else {}
        self._cleared_by_writes = (SYST_CVR,) if core.profile == "M" else ()
        self._registers = dict(self._at_power_on)

    def read(self, offset: int, size: int) -> int:
        """The stored word, cut to `size` bytes; 0 where nothing was written."""
        word = self._registers.get(offset & ~3, 0) >> (8 * (offset & 3))
        return word & ((1 << (8 * size)) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """Store `size` bytes into the word at `offset`."""
        if offset & ~3 in self._at_power_on:
            return
        shift = 8 * (offset & 3)
        mask = ((1 << (8 * size)) - 1) << shift
        word = self._registers.get(offset & ~3, 0) & ~mask | (value << shift) & mask
        self._registers[offset & ~3] = 0 if offset in self._cleared_by_writes else word

    @property
    def registers(self) -> Mapping[int, int]:
        """The stored words by offset: all state there is."""
        return dict(self._registers)

    @registers.setter
    def registers(self, words: Mapping[int, int]) -> None:
        self._registers = dict(words)

    def reset(self) -> None:
        """Back to the state after power-on."""
        self._registers = dict(self._at_power_on)

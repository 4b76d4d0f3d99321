# SPDX-License-Identifier: GPL-2.0-or-later
"""System control space of ARMv7-M with SysTick: registers that hold what was written.

Unicorn models none of it. Time is the kernel page's clock and WFI ends a run at once, so no tick needs to be delivered;
the registers exist so that start-up code written for hardware runs unmodified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# ARMv7-M Architecture Reference Manual, B3.2.2 and B3.3.2.
SYST_CSR: Final = 0x010
SYST_RVR: Final = 0x014
SYST_CVR: Final = 0x018
CPUID: Final = 0xD00
CPUID_CORTEX_M4: Final = 0x410FC241


class SystemControl:
    """Plain storage of 32-bit registers, except CPUID (constant) and SYST_CVR (any write clears it)."""

    def __init__(self) -> None:
        self._registers: dict[int, int] = {CPUID: CPUID_CORTEX_M4}

    def read(self, offset: int, size: int) -> int:
        """The stored word, cut to `size` bytes; 0 where nothing was written."""
        word = self._registers.get(offset & ~3, 0) >> (8 * (offset & 3))
        return word & ((1 << (8 * size)) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """Store `size` bytes into the word at `offset`."""
        if offset & ~3 == CPUID:
            return
        shift = 8 * (offset & 3)
        mask = ((1 << (8 * size)) - 1) << shift
        word = self._registers.get(offset & ~3, 0) & ~mask | (value << shift) & mask
        self._registers[offset & ~3] = 0 if offset == SYST_CVR else word

    @property
    def registers(self) -> Mapping[int, int]:
        """The stored words by offset: all state there is."""
        return dict(self._registers)

    @registers.setter
    def registers(self, words: Mapping[int, int]) -> None:
        self._registers = dict(words)

    def reset(self) -> None:
        """Back to the state after power-on."""
        self._registers = {CPUID: CPUID_CORTEX_M4}

# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor cores that a board may have: what of a core the emulator, the compiler and the firmware must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emulator.errors import EmulatorError

Profile = Literal["M", "A"]
State = Literal["thumb", "arm"]

_STATES: dict[Profile, State] = {"M": "thumb", "A": "arm"}


@dataclass(frozen=True, slots=True)
class Processor:
    """A core, by the name that GCC's -mcpu has for it.

    M profile starts with stack pointer and program counter from the vector table and executes Thumb state alone; A
    profile starts at the image's entry point without a stack, and executes ARM state here. `cpuid` is the register of
    that name (CPUID of M profile, MIDR of A profile). `traps_unaligned`: every access has to be aligned, as ARMv6-M
    has it; other cores trap some. `instruction_factor` is how many times the bounds of IPC-6 a release build may take:
    1 where the firmware has paths of its own for the core, more where it runs as plain C.
    """

    name: str
    profile: Profile
    cpuid: int
    traps_unaligned: bool = False
    instruction_factor: int = 1

    @property
    def state(self) -> State:
        """The instruction set that images for this core are in."""
        return _STATES[self.profile]

    @property
    def shortest_instruction(self) -> int:
        """Its bytes, which are also what code is aligned to."""
        return 2 if self.state == "thumb" else 4

    @property
    def compiler_flags(self) -> tuple[str, ...]:
        """What GCC, as compiler, assembler and linker, has to be told.

        With the memory management unit off, as the firmware leaves it, all memory of A profile is strongly ordered,
        and an unaligned access to it faults on hardware (ARMv7-A architecture, A3.2.1): the compiler must make none.
        """
        flags = (f"-mcpu={self.name}", f"-m{self.state}", "-mfloat-abi=soft")
        return flags if self.profile == "M" else (*flags, "-mno-unaligned-access")


PROCESSORS: dict[str, Processor] = {
    entry.name: entry
    for entry in (
        Processor("cortex-m0plus", "M", 0x410C_C601, traps_unaligned=True, instruction_factor=4),
        Processor("cortex-m3", "M", 0x412F_C231),
        Processor("cortex-m4", "M", 0x410F_C241),
        Processor("cortex-m7", "M", 0x411F_C272),
        Processor("cortex-m33", "M", 0x410F_D213),
        Processor("cortex-a7", "A", 0x410F_C075, instruction_factor=2),
        Processor("cortex-a15", "A", 0x412F_C0F1, instruction_factor=2),
    )
}


def processor(name: str) -> Processor:
    """The core called `name`. Raises EmulatorError that names the known ones."""
    try:
        return PROCESSORS[name]
    except KeyError:
        raise EmulatorError(f"cpu {name!r} is unknown, use one of: {', '.join(sorted(PROCESSORS))}") from None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a run ended. What a guest does is a value; only a mistake of the host is an exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emulator.cpu import Registers

ProcessorKind = Literal[
    "read not granted",
    "write not granted",
    "execution not granted",
    "undefined instruction",
    "breakpoint instruction",
    "supervisor call",
    "unaligned access",
    "processor exception",
    "engine error",
]
# What a sanitized image says of itself.
SanitizerKind = Literal[
    "stack-buffer-overflow",
    "global-buffer-overflow",
    "use-after-scope",
    "poisoned access",
    "undefined behaviour",
    "stack smashing",
]
FaultKind = ProcessorKind | SanitizerKind


@dataclass(frozen=True, slots=True)
class Idle:
    """The guest waits for an interrupt: it has done what it had to do."""

    def __str__(self) -> str:
        return "idle"


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The instruction budget was used up before the guest idled."""

    budget: int
    pc: int
    call_chain: tuple[str, ...]

    def __str__(self) -> str:
        where = self.call_chain[0] if self.call_chain else f"{self.pc:#010x}"
        return f"not idle after {self.budget} instructions, at {where}"


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """The host's breakpoint at `address` was reached; the instruction there has not run yet."""

    address: int

    def __str__(self) -> str:
        return f"breakpoint at {self.address:#010x}"


@dataclass(frozen=True, slots=True)
class Fault:
    """The guest did what it must not. `address` is None where the kind has none."""

    kind: FaultKind
    address: int | None
    registers: Registers
    call_chain: tuple[str, ...]
    last_branches: tuple[str, ...]
    detail: str = ""

    def __str__(self) -> str:
        target = "" if self.address is None else f" at {self.address:#010x}"
        where = self.call_chain[0] if self.call_chain else f"{self.registers.pc:#010x}"
        return f"{self.kind}{target}, in {where}"

    def report(self) -> str:
        """Several lines: kind, registers, call chain (innermost first), last branches (newest first)."""
        lines = [str(self)]
        if self.detail:
            lines.append(f"  {self.detail}")
        names = self.registers.as_dict()
        words = [f"{name:>4} {value:08x}" for name, value in names.items()]
        lines += ["  " + "  ".join(words[i : i + 6]) for i in range(0, len(words), 6)]
        lines += ["  call chain:"] + [f"    {frame}" for frame in self.call_chain]
        lines += ["  last branches:"] + [f"    {branch}" for branch in self.last_branches]
        return "\n".join(lines)


Stop = Idle | LimitReached | Breakpoint | Fault

IDLE = Idle()

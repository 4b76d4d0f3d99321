# SPDX-License-Identifier: GPL-2.0-or-later
"""What the facts are made with: a small guest on a new engine, and a test that becomes a fact."""

from __future__ import annotations

import functools
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unicorn import Uc, UcError
from unicorn import arm_const as arm
from unicorn import unicorn_const as const

CODE, DATA, DEVICE = 0x0000_0000, 0x2000_0000, 0x4000_0000
BANK_SIZE = 0x1_0000
UNTIL = CODE + 0x3FFE
ENGINE_PAGE = 1024
NOT_REACHED = 10**9  # a limit, in instructions or microseconds

READ, WRITE, EXECUTE = const.UC_PROT_READ, const.UC_PROT_WRITE, const.UC_PROT_EXEC
_NEEDED = {const.UC_MEM_READ: READ, const.UC_MEM_WRITE: WRITE, const.UC_MEM_FETCH: EXECUTE}

# The If-Then state in CPSR: IT[1:0] in bits 26:25, IT[7:2] in bits 15:10 (ARMv7-M ARM, B1.4.2: EPSR has the same).
IT_BITS = 0x0600_FC00


@dataclass(frozen=True, slots=True)
class FactResult:
    """One fact, whether it holds for the engine that is loaded, and what was seen.

    A timed fact is about speed: on a machine that does something else at the same time it may seem not to hold.
    """

    name: str
    holds: bool
    measured: str
    timed: bool = False


Fact = Callable[[], FactResult]
Test = Callable[[], tuple[bool, str]]


def fact(name: str, timed: bool = False) -> Callable[[Test], Fact]:
    """Make a test that answers (holds, measured) into a fact called `name`, which never raises."""

    def decorate(test: Test) -> Fact:
        @functools.wraps(test)
        def run() -> FactResult:
            try:
                holds, measured = test()
            except Exception as error:  # whatever an unknown engine does, the other facts are to be tested as well
                holds, measured = False, f"the test ended in {type(error).__name__}: {error}"
            return FactResult(name, holds, measured, timed)

        return run

    return decorate


def thumb(*halfwords: int) -> bytes:
    """Machine code from its halfwords."""
    return struct.pack(f"<{len(halfwords)}H", *halfwords)


class Guest:
    """A new engine with code at CODE and a bank of RAM at DATA, by default under the virtual TLB.

    `rights` maps the number of a MiB to what the fill callback grants there; tests change it, and `translate`, at will.
    `calls` collects what the callback was asked, as (address, right needed); `refused` what it did not grant.
    """

    def __init__(
        self,
        code: bytes,
        virtual: bool = True,
        model: int = arm.UC_CPU_ARM_CORTEX_M4,
        mode: int = const.UC_MODE_THUMB,
        clear_if_then: bool = True,
    ) -> None:
        self.rights = {CODE >> 20: READ | EXECUTE, DATA >> 20: READ | WRITE, DEVICE >> 20: READ | WRITE}
        self.translate: Callable[[int], int] = lambda address: address
        self.calls: list[tuple[int, int]] = []
        self.refused: list[tuple[int, int]] = []
        self.engine = Uc(const.UC_ARCH_ARM, mode, model)
        self.engine.mem_map(CODE, BANK_SIZE)
        self.engine.mem_map(DATA, BANK_SIZE)
        self.engine.mem_write(CODE, code)
        self._clear_if_then = clear_if_then
        if virtual:
            self.engine.ctl_set_tlb_mode(const.UC_TLB_VIRTUAL)
            self.engine.hook_add(const.UC_HOOK_TLB_FILL, self._fill)

    def _fill(self, engine: Uc, address: int, kind: int, entry: Any, _data: object) -> bool:
        need = _NEEDED[kind]
        self.calls.append((address, need))
        rights = self.rights.get(address >> 20, 0)
        if not rights & need:
            self.refused.append((address, need))
            return False
        if self._clear_if_then and need != EXECUTE:
            leave_if_then_block(engine)
        entry.paddr = self.translate(address)
        entry.perms = rights
        return True

    def run(self, start: int = CODE, until: int = UNTIL, count: int = 0, **registers: int) -> int:
        """Set registers, run in Thumb state; answers the engine's uc_err."""
        for name, value in registers.items():
            self.engine.reg_write(_register_id(name), value)
        return self.start(start | 1, until, count)

    def start(self, begin: int, until: int = UNTIL, count: int = 0) -> int:
        """Run, in the state that bit 0 of `begin` selects; answers the engine's uc_err."""
        result: int = const.UC_ERR_OK
        try:
            self.engine.emu_start(begin, until, count=count)
        except UcError as error:
            result = error.errno
        return result

    def __getitem__(self, register: str) -> int:
        return int(self.engine.reg_read(_register_id(register)))


def _register_id(name: str) -> int:
    return int(getattr(arm, f"UC_ARM_REG_{name.upper()}"))


def leave_if_then_block(engine: Uc, *_event: object) -> None:
    """Clear the If-Then state; usable as a memory hook."""
    engine.reg_write(arm.UC_ARM_REG_CPSR, engine.reg_read(arm.UC_ARM_REG_CPSR) & ~IT_BITS)


def fastest(action: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of the fastest of some rounds: what other processes do to the time can only add to it."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def store_seconds(
    virtual: bool = True, rights: int = READ | WRITE, prepare: Callable[[Uc], object] = lambda engine: None
) -> float:
    """Seconds of a loop that does little else than store; `prepare` may add hooks."""
    # 16 times str r2, [r1, #..]; subs r0, #1; bne back; wfi
    guest = Guest(thumb(*(0x600A, 0x604A, 0x608A, 0x60CA) * 4, 0x3801, 0xD1ED, 0xBF30), virtual)
    guest.rights[DATA >> 20] = rights
    prepare(guest.engine)
    guest.run(r0=10, r1=DATA)
    return fastest(lambda: guest.run(r0=5_000, r1=DATA))


def texts(*errors: int) -> str:
    """The engine's own words for some uc_err."""
    return ", ".join(str(UcError(error)) for error in errors)

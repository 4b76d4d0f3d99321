# SPDX-License-Identifier: GPL-2.0-or-later
"""The last run once more, from its checkpoint, with hooks: slow, and only for what a fast watch has found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unicorn import arm_const
from unicorn import unicorn_const as const

from emulator.machine import Machine
from emulator.stop import Stop

_IF_THEN_BITS = 0x0600_FC00  # a memory hook has to clear them: see emulator/native/grants.c

# Of a program counter and the accessed address and size, before the access takes place.
OnAccess = Callable[[int, int, int], None]


def rerun(machine: Machine, budget: int, reads: range | None, writes: range | None, on_access: OnAccess) -> Stop:
    """Run again from the checkpoint; `on_access` is told of each access to a range. The checkpoint stays."""
    machine.cpu.arm_watch(False)
    machine.cpu.rollback()
    with (
        _hooked(machine, const.UC_HOOK_MEM_READ, reads, on_access),
        _hooked(machine, const.UC_HOOK_MEM_WRITE, writes, on_access),
    ):
        machine.cpu.forget_translations()
        stop = machine.run(budget)
    machine.cpu.forget_translations()
    return stop


def last_writer(machine: Machine, budget: int, address: int, size: int) -> int | None:
    """Program counter of the last instruction that wrote to these bytes in the last run; None: it wrote none."""
    writers: list[int] = []
    rerun(machine, budget, None, range(address, address + size), lambda pc, _address, _size: writers.append(pc))
    return writers[-1] if writers else None


def readers(machine: Machine, budget: int, address: int, size: int) -> tuple[int, ...]:
    """Program counters of the instructions that read these bytes in the last run, in order."""
    found: list[int] = []
    rerun(machine, budget, range(address, address + size), None, lambda pc, _address, _size: found.append(pc))
    return tuple(found)


@contextmanager
def _hooked(machine: Machine, kind: int, addresses: range | None, on_access: OnAccess) -> Iterator[None]:
    if addresses is None:
        yield
        return
    engine = machine.cpu.engine

    def hook(_engine: object, _kind: int, address: int, size: int, _value: int, _data: object) -> None:
        if address + size > addresses.start:
            on_access(engine.reg_read(arm_const.UC_ARM_REG_PC) & ~1, address, size)
        cpsr = engine.reg_read(arm_const.UC_ARM_REG_CPSR)
        if cpsr & _IF_THEN_BITS:
            engine.reg_write(arm_const.UC_ARM_REG_CPSR, cpsr & ~_IF_THEN_BITS)

    # An access that begins before the range and ends in it is one of its bytes as well: at most a double word.
    handle = engine.hook_add(kind, hook, begin=addresses.start & ~7, end=addresses.stop - 1)
    try:
        yield
    finally:
        engine.hook_del(handle)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a core that stopped where it must not says of the reason (ARMv7-M architecture, B1.5.6, B1.5.14, B3.2.15)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from emulator.cpu import REGISTER_NAMES, Registers
from emulator.stop import Fault, FaultKind
from emulator.symbols import Symbols

ReadMemory = Callable[[int, int], bytes | None]

EXCEPTION_NUMBER: Final = 0x1FF  # in xpsr; 0 in thread mode
_EXCEPTIONS: Final = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}
FAULTS: Final = frozenset(_EXCEPTIONS)

# Configurable and hard fault status, fault addresses: registers of the system control block.
_STATUS: Final = 0xE000_ED28
_STATUS_REGISTERS: Final = struct.Struct("<IIIII")  # CFSR, HFSR, DFSR, MMFAR, BFAR
_CAUSES: Final = (
    (1 << 0, "execution not granted"),
    (1 << 1, "data access violation"),
    (1 << 8, "bus error on execution"),
    (1 << 9, "bus error on data"),
    (1 << 10, "bus error on data, imprecise"),
    (1 << 16, "undefined instruction"),
    (1 << 17, "invalid execution state"),
    (1 << 18, "invalid exception return"),
    (1 << 24, "unaligned access"),
    (1 << 25, "division by zero"),
)
_MMFAR_VALID, _BFAR_VALID, _UNDEFINED = 1 << 7, 1 << 15, 1 << 16

_FRAME: Final = struct.Struct("<8I")  # r0 to r3, r12, lr, pc, xpsr, as the core stacks them
_FRAME_WITH_FLOATS: Final = 104
_NO_FLOATS: Final = 1 << 4  # of EXC_RETURN, which is in lr
_PADDED: Final = 1 << 9  # of the stacked xpsr


def fault(registers: Mapping[str, int], read: ReadMemory, symbols: Symbols) -> Fault:
    """The fault whose handler the core is in, with the registers of the place where it happened.

    `read` returns memory, None where there is none; a frame that was not stacked shows as the nonsense that it is.
    """
    exception = _EXCEPTIONS[registers["xpsr"] & EXCEPTION_NUMBER]
    status, _, _, mmfar, bfar = _STATUS_REGISTERS.unpack(_sure(read, _STATUS, _STATUS_REGISTERS.size))
    causes = [text for bit, text in _CAUSES if status & bit]
    address = bfar if status & _BFAR_VALID else mmfar if status & _MMFAR_VALID else None
    kind: FaultKind = "undefined instruction" if status & _UNDEFINED else "processor exception"
    interrupted = before(registers, read)
    detail = f"{exception}: {', '.join(causes) or 'no cause recorded'} (CFSR {status:#010x})"
    return Fault(kind, address, values(interrupted), chain(interrupted, read, symbols), (), detail)


def chain(registers: Mapping[str, int], read: ReadMemory, symbols: Symbols) -> tuple[str, ...]:
    """The functions round a place, innermost first."""
    return tuple(str(frame) for frame in symbols.call_chain(registers, read))


def values(registers: Mapping[str, int]) -> Registers:
    """As a value; special registers that the stub's description leaves out are 0."""
    return Registers(**{name: registers.get(name, 0) for name in REGISTER_NAMES})


def before(registers: Mapping[str, int], read: ReadMemory) -> dict[str, int]:
    """The registers where the core was when it took the exception whose handler it is in."""
    sp = registers["sp"]
    r0, r1, r2, r3, r12, lr, pc, xpsr = _FRAME.unpack(_sure(read, sp, _FRAME.size))
    size = _FRAME.size if registers["lr"] & _NO_FLOATS else _FRAME_WITH_FLOATS
    sp += size + (4 if xpsr & _PADDED else 0)
    stacked = {"r0": r0, "r1": r1, "r2": r2, "r3": r3, "r12": r12, "lr": lr, "pc": pc, "xpsr": xpsr, "sp": sp}
    return {**registers, **stacked}


def _sure(read: ReadMemory, address: int, size: int) -> bytes:
    return read(address, size) or bytes(size)

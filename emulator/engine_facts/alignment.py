# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about unaligned accesses, which cores trap in different ways, and about cores other than the Cortex-M4."""

from __future__ import annotations

import struct

from unicorn import Uc
from unicorn import arm_const as arm
from unicorn import unicorn_const as const

from emulator.engine_facts.guest import CODE, DATA, Guest, fact, texts, thumb

_CORTEX_M = {
    "M3": arm.UC_CPU_ARM_CORTEX_M3,
    "M4": arm.UC_CPU_ARM_CORTEX_M4,
    "M7": arm.UC_CPU_ARM_CORTEX_M7,
    "M33": arm.UC_CPU_ARM_CORTEX_M33,
}
_DATA_ABORT, _EXCEPTION_RETURN = 4, 8
_WFI = 0xBF30


def _arm(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


def _exceptions(guest: Guest) -> list[int]:
    """Collects the numbers of the guest's exceptions, each of which ends its run."""
    numbers: list[int] = []

    def on_interrupt(engine: Uc, number: int, _data: object) -> None:
        numbers.append(number)
        engine.emu_stop()

    guest.engine.hook_add(const.UC_HOOK_INTR, on_interrupt)
    return numbers


def _accesses(guest: Guest) -> list[int]:
    """Collects the addresses that a memory hook sees."""
    addresses: list[int] = []
    kinds = const.UC_HOOK_MEM_READ | const.UC_HOOK_MEM_WRITE
    guest.engine.hook_add(kinds, lambda _engine, _kind, at, *_rest: addresses.append(at))
    return addresses


@fact("the Cortex-M0 traps every unaligned access, as exception 4, with PC on it and before any memory hook")
def m0_traps_unaligned() -> tuple[bool, str]:
    """The exception is reported as an unaligned access; the instruction and its registers tell where it went."""
    # ldr r0, [r1]; ldrh r0, [r1]; str r0, [r1]; ldm r1!, {r0}: behind an access of the same page that is aligned
    seen = {}
    for name, instruction in {"LDR": 0x6808, "LDRH": 0x8808, "STR": 0x6008, "LDM": 0xC901}.items():
        guest = Guest(thumb(0x6810, instruction, _WFI), model=arm.UC_CPU_ARM_CORTEX_M0)  # ldr r0, [r2] first
        numbers, hooked = _exceptions(guest), _accesses(guest)
        guest.run(r1=DATA + 5, r2=DATA)
        seen[name] = (numbers, guest["pc"], hooked)
    holds = all(found == ([_DATA_ABORT], CODE + 2, [DATA]) for found in seen.values())
    return holds, ", ".join(f"{name}: exceptions {found[0]}, PC {found[1]:#x}" for name, found in seen.items())


@fact("the Cortex-M0 has no instructions of ARMv7-M, but IT, CBZ and CBNZ")
def m0_has_few_instructions() -> tuple[bool, str]:
    """An image for a Cortex-M0+ that was built for more stops, unless it is for these that it needs more."""
    foreign = {"MOVW": (0xF241, 0x2034), "UDIV": (0xFBB1, 0xF0F1), "LDRD": (0xE9D1, 0x0200)}
    passed = {"IT": (0xBF08, 0x2001), "CBZ": (0xB100, _WFI)}
    refused = [n for n, code in foreign.items() if _m0(code) == const.UC_ERR_INSN_INVALID]
    accepted = [n for n, code in passed.items() if _m0(code) == const.UC_ERR_OK]
    return (refused, accepted) == (list(foreign), list(passed)), f"refused {refused}, accepted {accepted}"


def _m0(code: tuple[int, ...]) -> int:
    return Guest(thumb(*code, _WFI), model=arm.UC_CPU_ARM_CORTEX_M0).run(r1=DATA)


@fact("unaligned LDM, STM, LDRD and STRD pass on Cortex-M3 to M33, where hardware traps them")
def several_words_pass() -> tuple[bool, str]:
    """`Cpu.check_alignment` finds them by a hook of every access, in runs that ask for it."""
    codes = {"LDM": (0xC901,), "STM": (0xC101,), "LDRD": (0xE9D1, 0x0200), "STRD": (0xE9C1, 0x0200)}
    ends = {
        f"{name} on {core}": Guest(thumb(*code, _WFI), model=model).run(r1=DATA + 1)
        for name, code in codes.items()
        for core, model in _CORTEX_M.items()
    }
    stopped = [name for name, end in ends.items() if end != const.UC_ERR_OK]
    return not stopped, f"stopped: {', '.join(stopped) or 'none'}"


@fact("unaligned accesses pass on a Cortex-A15 whose memory management unit is off, where hardware traps them")
def a15_passes_unaligned() -> tuple[bool, str]:
    """Images of A profile are built with -mno-unaligned-access; `Cpu.check_alignment` finds what is unaligned still."""
    codes = {"LDR": 0xE591_0000, "LDM": 0xE891_0005, "LDRD": 0xE1C1_00D0, "STR": 0xE581_0000}
    ends = {}
    for name, code in codes.items():
        guest = Guest(_arm(code, 0xE320_F003), model=arm.UC_CPU_ARM_CORTEX_A15, mode=const.UC_MODE_ARM)
        guest.engine.reg_write(arm.UC_ARM_REG_R1, DATA + 1)
        ends[name] = guest.start(CODE, CODE + 0x3FFC)
    return set(ends.values()) == {const.UC_ERR_OK}, f"{', '.join(ends)}: {texts(*ends.values())}"


@fact("in ARM state a WFI ends emu_start cleanly, with PC behind it; WFE and YIELD are invalid")
def arm_state_waits() -> tuple[bool, str]:
    """The native core looks for the WFI of its guest's state."""
    found = []
    for hint in (0xE320_F003, 0xE320_F002, 0xE320_F001):  # wfi | wfe | yield
        guest = Guest(_arm(hint, 0xE1A0_0000), model=arm.UC_CPU_ARM_CORTEX_A15, mode=const.UC_MODE_ARM)
        found.append((guest.start(CODE, CODE + 0x3FFC), guest["pc"]))
    invalid = const.UC_ERR_INSN_INVALID
    holds = found[0] == (const.UC_ERR_OK, CODE + 4) and [error for error, _pc in found[1:]] == [invalid, invalid]
    return holds, f"WFI, WFE, YIELD: {texts(*(error for error, _pc in found))}; PC {found[0][1]:#x}"


@fact("a branch to an address of exception return is exception 8 on a Cortex-M33, a refused fetch on others")
def m33_exception_return() -> tuple[bool, str]:
    """Both are reported as execution that is not granted."""
    numbers = {}
    for name, model in _CORTEX_M.items():
        guest = Guest(thumb(0x4708, _WFI), model=model)  # bx r1
        seen = _exceptions(guest)
        guest.run(r1=0xFFFF_FFF9)
        numbers[name] = seen
    holds = numbers == {"M3": [], "M4": [], "M7": [], "M33": [_EXCEPTION_RETURN]}
    return holds, f"exceptions: {numbers}"

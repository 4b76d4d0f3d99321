# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about the engine itself, how a run begins and ends, and what it translated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import unicorn
from unicorn import Uc
from unicorn import arm_const as arm
from unicorn import unicorn_const as const

from emulator.engine_facts.guest import CODE, DATA, DEVICE, UNTIL, Guest, fact, fastest, texts, thumb


@fact("the library that is loaded is Unicorn 2.1.4")
def engine_version() -> tuple[bool, str]:
    """All other facts were measured with it."""
    packed = unicorn.uc_version()[2]
    version = ".".join(str(packed >> shift & 0xFF) for shift in (24, 16, 8))
    return version == "2.1.4", f"version {version}"


@fact("the wheel ships the headers and the library")
def wheel_ships_headers() -> tuple[bool, str]:
    """The native core is built against them by the package's own build."""
    files = ("include/unicorn/unicorn.h", "include/unicorn/arm.h", "lib/libunicorn.so.2", "lib/libunicorn.a")
    absent = [name for name in files if not (Path(unicorn.__file__).parent / name).is_file()]
    return not absent, f"absent: {', '.join(absent) or 'none'}"


@fact("UC_MODE_MCLASS forces a Cortex-M33 whatever model is set")
def mclass_forces_m33() -> tuple[bool, str]:
    """The mode is UC_MODE_THUMB alone."""
    code = thumb(0xE841, 0xF000, 0xBF30)  # tt r0, r1 (ARMv8-M only); wfi
    plain = Guest(code)
    forced = Guest(code, mode=const.UC_MODE_THUMB | const.UC_MODE_MCLASS)
    model = forced.engine.ctl_get_cpu_model()
    ends = plain.run(r1=DATA), forced.run(r1=DATA)
    holds = model == arm.UC_CPU_ARM_CORTEX_M33 and ends == (const.UC_ERR_INSN_INVALID, const.UC_ERR_OK)
    return holds, f"Cortex-M4 set, read back model {model}; TT on M4 and under MCLASS: {texts(*ends)}"


@fact("the system control space is not mapped: no SysTick, NVIC, SCB or MPU")
def system_control_unmapped() -> tuple[bool, str]:
    """The emulator has a device of its own there."""
    code = thumb(0x6808, 0xBF30)  # ldr r0, [r1]; wfi
    registers = {"SysTick": 0xE000_E010, "NVIC": 0xE000_E100, "SCB": 0xE000_ED00, "MPU": 0xE000_ED90}
    there = [n for n, a in registers.items() if Guest(code, virtual=False).run(r1=a) != const.UC_ERR_READ_UNMAPPED]
    return not there, f"mapped: {', '.join(there) or 'none'}"


@fact("a WFI ends emu_start cleanly, with PC behind it")
def wfi_ends_a_run() -> tuple[bool, str]:
    """The firmware's idle loop is where the emulator gets control back."""
    guest = Guest(thumb(0xBF00, 0xBF30, 0xBF00, 0xBF00))  # nop; wfi; nop; nop
    error = guest.run(until=CODE + 8)
    return error == const.UC_ERR_OK and guest["pc"] == CODE + 4, f"{texts(error)}, PC {guest['pc']:#x}, WFI at 0x2"


@fact("reaching `until` costs more than a WFI", timed=True)
def until_costs() -> tuple[bool, str]:
    """`until` is an address that is never reached."""
    guest = Guest(thumb(0xBF00, 0xBF30))  # nop; wfi

    def seconds(until: int) -> float:
        return fastest(lambda: guest.engine.emu_start(CODE | 1, until), 500)

    reached, idle = seconds(CODE + 2), seconds(UNTIL)
    return reached > 1.5 * idle, f"{reached * 1e6:.1f} us against {idle * 1e6:.1f} us, ratio {reached / idle:.1f}"


@fact("under the virtual TLB `until` has to be granted, or each run ends in an error")
def until_has_to_be_granted() -> tuple[bool, str]:
    """`until` lies in the last page of the code region."""
    granted, ungranted, data = (Guest(thumb(0xBF30)) for _ in range(3))  # wfi
    errors = granted.run(), ungranted.run(until=DEVICE - 2), data.run(until=DATA)
    expected = (const.UC_ERR_OK, const.UC_ERR_EXCEPTION, const.UC_ERR_EXCEPTION)
    return errors == expected, f"granted, not granted, not executable: {texts(*errors)}"


@fact("the Thumb bit comes from the address given to each emu_start")
def thumb_bit_from_start() -> tuple[bool, str]:
    """Every run starts at pc | 1."""
    guest = Guest(thumb(0x2001, 0xBF30))  # movs r0, #1; wfi
    errors = guest.start(CODE | 1), guest.start(CODE), guest.start(CODE | 1)
    holds = errors == (const.UC_ERR_OK, const.UC_ERR_INSN_INVALID, const.UC_ERR_OK)
    return holds, f"odd, even, odd address: {texts(*errors)}"


@fact("uc_emu_stop in a block hook stops before the block, with PC at its start")
def stop_in_block_hook() -> tuple[bool, str]:
    """Instruction budget and breakpoints stop there and can be resumed."""
    guest = Guest(thumb(0x2001, 0xE7FF, 0x2002, 0xBF30))  # movs r0, #1; b next; next: movs r0, #2; wfi
    guest.engine.hook_add(const.UC_HOOK_BLOCK, lambda engine, at, _s, _d: engine.emu_stop() if at == CODE + 4 else None)
    guest.run()
    return (guest["pc"], guest["r0"]) == (CODE + 4, 1), f"PC {guest['pc']:#x}, r0 {guest['r0']}"


@fact("WFE and YIELD are invalid instructions")
def wfe_and_yield_invalid() -> tuple[bool, str]:
    """The firmware waits with WFI."""
    errors = [Guest(thumb(hint, 0xBF30)).run() for hint in (0xBF20, 0xBF10)]  # wfe | yield; wfi
    return errors == [const.UC_ERR_INSN_INVALID] * 2, f"WFE, YIELD: {texts(*errors)}"


@fact("SVC reaches UC_HOOK_INTR as number 2, and without that hook ends the run in an error")
def svc_needs_interrupt_hook() -> tuple[bool, str]:
    """The native core hooks interrupts and reports a supervisor call by this number."""
    code = thumb(0xDF00, 0xBF30)  # svc #0; wfi
    bare, hooked = Guest(code), Guest(code)
    numbers: list[int] = []

    def on_interrupt(engine: Uc, number: int, _data: object) -> None:
        numbers.append(number)
        engine.emu_stop()

    hooked.engine.hook_add(const.UC_HOOK_INTR, on_interrupt)
    errors = bare.run(), hooked.run()
    holds = errors == (const.UC_ERR_EXCEPTION, const.UC_ERR_OK) and numbers == [2]
    return holds, f"without, with hook: {texts(*errors)}; numbers {numbers}"


@fact("after a device store that calls emu_stop, PC is still on the store")
def stop_in_device_store() -> tuple[bool, str]:
    """Devices never stop a run: a run resumed at PC would store twice."""
    guest = Guest(thumb(0xBF00, 0x6008, 0xBF30))  # nop; str r0, [r1]; wfi
    stores: list[int] = []

    def write(engine: Uc, _offset: int, _size: int, value: int, _data: object) -> None:
        stores.append(value)
        engine.emu_stop()

    guest.engine.mmio_map(DEVICE, 0x1000, None, None, write, None)
    guest.run(r0=7, r1=DEVICE)
    first = guest["pc"]
    guest.run(start=first)
    return first == CODE + 2 and stores == [7, 7], f"PC {first:#x}, store at 0x2; resumed there: {len(stores)} stores"


@fact("code changed from the host runs stale until ctl_flush_tb or ctl_remove_cache")
def patched_code_is_stale() -> tuple[bool, str]:
    """Loading an image drops the translations."""
    cures: dict[str, Callable[[Uc], None]] = {
        "ctl_flush_tb": lambda engine: engine.ctl_flush_tb(),
        "ctl_remove_cache": lambda engine: engine.ctl_remove_cache(CODE, CODE + 4),
    }
    seen = {}
    for name, cure in cures.items():
        guest = Guest(thumb(0x2001, 0xBF30))  # movs r0, #1; wfi
        guest.run()
        guest.engine.mem_write(CODE, thumb(0x2002))  # movs r0, #2
        guest.run()
        stale = guest["r0"]
        cure(guest.engine)
        guest.run()
        seen[name] = (stale, guest["r0"])
    return set(seen.values()) == {(1, 2)}, f"r0 before and after: {seen}"

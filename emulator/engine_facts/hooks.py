# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about what hooks cost, what they miss and what they break."""

from __future__ import annotations

from collections.abc import Callable

from unicorn import unicorn_const as const

from emulator.engine_facts.guest import (
    BANK_SIZE,
    CODE,
    DATA,
    DEVICE,
    NOT_REACHED,
    UNTIL,
    Guest,
    fact,
    fastest,
    leave_if_then_block,
    store_seconds,
    thumb,
)

# subs r0, #1; bne back; wfi
_LOOP = thumb(0x3801, 0xD1FD, 0xBF30)
_TURNS = 10_000


def _loop(hook: Callable[..., object] | None = None, count: int = 0) -> float:
    """Seconds of a loop of _TURNS blocks of two instructions."""
    guest = Guest(_LOOP)
    if hook is not None:
        guest.engine.hook_add(const.UC_HOOK_BLOCK, hook)
    guest.run(r0=10, count=count)
    return fastest(lambda: guest.run(r0=_TURNS, count=count))


@fact("a block hook in C is cheap, one in Python is at least ten times dearer", timed=True)
def block_hook_cost() -> tuple[bool, str]:
    """Coverage and budget are kept by the native core."""
    # Imported here: the other facts are to be tested also where the native core is not built.
    from emulator.board import Region
    from emulator.cpu import Cpu

    memory = memoryview(bytearray(BANK_SIZE))
    memory[: len(_LOOP)] = _LOOP
    region = Region("code", CODE, BANK_SIZE, "rx")
    cpu = Cpu("cortex-m4", UNTIL)
    cpu.map_bank(region, memory)
    cpu.grant(region, memory)
    cpu.set_registers({"r0": _TURNS, "pc": CODE})
    cpu.snapshot(())

    def run() -> None:
        cpu.restore()
        cpu.run(NOT_REACHED)

    bare, python, native = _loop(), _loop(lambda *_: None), fastest(run)
    cpu.close()
    per_block = ", ".join(f"{seconds / _TURNS * 1e9:.1f}" for seconds in (bare, native, python))
    holds = native < 6 * bare and python > 10 * native
    return holds, f"ns a block without, in C, in Python: {per_block}; ratio {python / native:.0f}"


@fact("`count` slows the run down", timed=True)
def count_is_slow() -> tuple[bool, str]:
    """The budget is counted by blocks."""
    without, counted = _loop(), _loop(count=NOT_REACHED)
    return counted > 1.5 * without, f"ratio {counted / without:.1f}"


@fact("`count` is ignored by blocks that were translated before")
def count_ignored_when_warm() -> tuple[bool, str]:
    """The one use of count, locating a fault, drops translations first."""
    cold, warm = Guest(_LOOP), Guest(_LOOP)
    cold.run(r0=1000, count=100)
    warm.run(r0=10)
    warm.run(r0=1000, count=100)
    return (cold["r0"], warm["r0"]) == (950, 0), f"turns left of 1000 with count 100: {cold['r0']}, warm {warm['r0']}"


@fact("`timeout` starts a thread in each run", timed=True)
def timeout_costs() -> tuple[bool, str]:
    """Runs are bounded by their budget, which is deterministic as well."""
    guest = Guest(thumb(0xBF30))  # wfi

    def seconds(timeout: int) -> float:
        return fastest(lambda: guest.engine.emu_start(CODE | 1, UNTIL, timeout), 50)

    without, timed = seconds(0), seconds(NOT_REACHED)
    return timed > 5 * without, f"{timed * 1e6:.0f} us against {without * 1e6:.1f} us, ratio {timed / without:.0f}"


@fact("a write hook takes stores off the fast path even where it never matches", timed=True)
def write_hook_is_slow() -> tuple[bool, str]:
    """Dirty pages are tracked by the fill callback."""
    elsewhere = (None, DEVICE, DEVICE + 0xFFF)
    bare = store_seconds()
    hooked = store_seconds(prepare=lambda e: e.hook_add(const.UC_HOOK_MEM_WRITE, lambda *_: None, *elsewhere))
    return hooked > 2 * bare, f"ratio {hooked / bare:.1f}"


@fact("hooks added after a block was translated do not fire in it")
def late_hooks_are_silent() -> tuple[bool, str]:
    """Hooks come first; a later one needs ctl_flush_tb."""
    guest = Guest(thumb(0xBF00, 0xBF30))  # nop; wfi
    fired: list[int] = []
    guest.run()
    guest.engine.hook_add(const.UC_HOOK_BLOCK, lambda _e, address, _s, _d: fired.append(address))
    guest.run()
    late = len(fired)
    guest.engine.ctl_flush_tb()
    guest.run()
    return (late, fired) == (0, [CODE]), f"fired {late} times, after the flush {len(fired)}"


@fact("UC_HOOK_TCG_OPCODE yields the operands of compares")
def compare_operands() -> tuple[bool, str]:
    """Compare feedback needs no instrumented firmware."""
    guest = Guest(thumb(0x4288, 0x2805, 0x4048, 0xBF30))  # cmp r0, r1; cmp r0, #5; eors r0, r1; wfi
    seen: list[tuple[int, int, int]] = []
    guest.engine.hook_add(
        const.UC_HOOK_TCG_OPCODE,
        lambda _e, address, left, right, _s, _d: seen.append((address, left, right)),
        aux1=const.UC_TCG_OP_SUB,
        aux2=const.UC_TCG_OP_FLAG_CMP,
    )
    guest.run(r0=0x1234, r1=0xBEEF)
    return seen == [(CODE, 0x1234, 0xBEEF), (CODE + 2, 0x1234, 5)], f"address, operands: {seen}"


@fact("UC_HOOK_EDGE_GENERATED fires once for each new block that another one leads to")
def edges_fire_once() -> tuple[bool, str]:
    """A novelty signal for nothing. The first block of all has no block before it and is not reported."""
    guest = Guest(thumb(0x2003, 0x3801, 0xD1FD, 0xBF30))  # movs r0, #3; back: subs r0, #1; bne back; wfi
    new: list[int] = []
    guest.engine.hook_add(const.UC_HOOK_EDGE_GENERATED, lambda _e, block, _before, _d: new.append(block.pc))
    guest.run()
    first = list(new)
    guest.run()
    holds = first == new == [CODE + 2, CODE + 6]
    return holds, f"blocks {first} in the first run, {new[len(first) :]} in the second"


# cmp r0, r0; ite eq; streq r0, [r1]; strne r0, [r1]; b next; next: movs r3, #1; movs r4, #1; wfi
_IF_THEN_ELSE = thumb(0x4280, 0xBF0C, 0x6008, 0x6008, 0xE7FF, 0x2301, 0x2401, 0xBF30)


@fact("a memory hook that fires in an If-Then block makes the next block skip instructions")
def hook_in_if_then_block() -> tuple[bool, str]:
    """A memory hook clears the If-Then state; the default is not to have one."""
    outcome = []
    for hook in (None, lambda *_: None, leave_if_then_block):
        guest = Guest(_IF_THEN_ELSE, virtual=False)
        if hook is not None:
            guest.engine.hook_add(const.UC_HOOK_MEM_WRITE, hook)
        guest.run(r1=DATA)
        outcome.append(guest["r4"])
    return outcome == [1, 0, 1], f"r4, to be 1: no hook {outcome[0]}, hook {outcome[1]}, hook that clears {outcome[2]}"


@fact("a TLB fill in an If-Then block makes the next block skip instructions, in later runs too")
def fill_in_if_then_block() -> tuple[bool, str]:
    """The fill callback clears the If-Then state for data accesses (for a fetch it is the state to go on with)."""
    plain, clearing = Guest(_IF_THEN_ELSE, clear_if_then=False), Guest(_IF_THEN_ELSE)
    outcome = []
    for guest in (plain, plain, clearing):
        guest.run(r1=DATA, r4=0)
        outcome.append(guest["r4"])
    return outcome == [0, 0, 1], f"r4, to be 1: fill {outcome[0]}, warm {outcome[1]}, fill that clears {outcome[2]}"

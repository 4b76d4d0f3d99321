# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about the virtual TLB, which is address space and tracker of dirty pages, and about snapshots."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

from unicorn import Uc
from unicorn import unicorn_const as const

from emulator.engine_facts.guest import (
    CODE,
    DATA,
    DEVICE,
    ENGINE_PAGE,
    EXECUTE,
    READ,
    WRITE,
    Guest,
    fact,
    fastest,
    store_seconds,
    texts,
    thumb,
)


@fact("RAM without execute right under the virtual TLB makes stores at least twice as fast", timed=True)
def virtual_tlb_is_fast() -> tuple[bool, str]:
    """All tasks run under it; with the default TLB, or with execute right, each store takes the slow path."""
    fast, default = store_seconds(), store_seconds(virtual=False)
    executable = store_seconds(rights=READ | WRITE | EXECUTE)
    return default > 2 * fast and executable > 2 * fast, (
        f"default TLB: ratio {default / fast:.1f}, executable RAM: ratio {executable / fast:.1f}"
    )


@fact("the fill callback enforces access: UC_ERR_EXCEPTION, exact PC, page and kind in the last refused call")
def grants_are_enforced() -> tuple[bool, str]:
    """Grants are the guest's address space. After the refusal the engine may still ask for the page of `until`."""
    cases = {
        "read": (0x6808, DEVICE * 2, (DEVICE * 2, READ), CODE + 2),  # ldr r0, [r1]
        "write": (0x6008, CODE, (CODE, WRITE), CODE + 2),  # str r0, [r1]
        "execution": (0x4708, DATA + ENGINE_PAGE + 1, (DATA + ENGINE_PAGE, EXECUTE), DATA + ENGINE_PAGE),  # bx r1
    }
    wrong = []
    for name, (instruction, target, refused, pc) in cases.items():
        guest = Guest(thumb(0xBF00, instruction, 0xBF30))  # nop; the access; wfi
        error = guest.run(r1=target)
        if error != const.UC_ERR_EXCEPTION or guest.refused[-1:] != [refused] or guest["pc"] != pc:
            wrong.append(f"{name}: {texts(error)}, PC {guest['pc']:#x}, refused {guest.refused}")
    return not wrong, "; ".join(wrong) or f"{', '.join(cases)}: each refused with PC, page and kind as expected"


@fact("the fill callback does not fire once warm")
def warm_tlb_is_silent() -> tuple[bool, str]:
    """The callback may do work: it is outside the hot path."""
    guest = Guest(thumb(0x6808, 0x6008, 0xBF30))  # ldr r0, [r1]; str r0, [r1]; wfi
    guest.run(r1=DATA)
    cold = len(guest.calls)
    guest.run(r1=DATA)
    return 0 < cold == len(guest.calls), f"{cold} calls in the first run, {len(guest.calls) - cold} in the second"


@fact("after a read-only grant the first write calls the fill callback again")
def first_write_asks_again() -> tuple[bool, str]:
    """The callback is the tracker of dirty pages."""
    guest = Guest(thumb(0x6808, 0xBF30, 0x6008, 0x6008, 0xBF30))  # ldr r0, [r1]; wfi; twice str r0, [r1]; wfi
    guest.rights[DATA >> 20] = READ
    guest.run(r1=DATA)
    guest.rights[DATA >> 20] = READ | WRITE
    guest.calls.clear()
    error = guest.run(start=CODE + 4)
    writes = guest.calls.count((DATA, WRITE))
    return (error, writes, len(guest.calls)) == (const.UC_ERR_OK, 1, 1), f"two stores: {writes} call, {texts(error)}"


@fact("the engine's page is 1 KiB and the fill callback gets addresses rounded down to it")
def engine_page_size() -> tuple[bool, str]:
    """The exact address of a denied access is found by repeating the instruction."""
    guest = Guest(thumb(0x7008, 0x7010, 0x7018, 0xBF30))  # strb r0, [r1]; strb r0, [r2]; strb r0, [r3]; wfi
    guest.run(r1=DATA + 5, r2=DATA + ENGINE_PAGE - 1, r3=DATA + ENGINE_PAGE)
    asked = [address for address, need in guest.calls if need == WRITE]
    size = guest.engine.ctl_get_page_size()
    holds = size == ENGINE_PAGE and asked == [DATA, DATA + ENGINE_PAGE]
    return holds, f"page {size} bytes; bytes 5, 1023 and 1024 asked for {[hex(address) for address in asked]}"


@fact("memory hooks see physical addresses under the virtual TLB")
def hooks_see_physical() -> tuple[bool, str]:
    """A hook's range is given in what the fill callback answered, not in guest addresses."""
    alias = DATA + (1 << 20)
    guest = Guest(thumb(0x6008, 0xBF30))  # str r0, [r1]; wfi
    guest.rights[alias >> 20] = READ | WRITE
    guest.translate = lambda address: address - alias + DATA if address >= alias else address
    seen: list[int] = []
    guest.engine.hook_add(const.UC_HOOK_MEM_WRITE, lambda _e, _t, address, _s, _v, _d: seen.append(address))
    guest.run(r1=alias + 16)
    return seen == [DATA + 16], f"store to {alias + 16:#x}, hook saw {[hex(address) for address in seen]}"


@fact("contexts hold host addresses")
def contexts_hold_host_addresses() -> tuple[bool, str]:
    """Portable snapshots are register values and pages. Seen where contexts of two engines in one state differ."""
    guests = Guest(thumb(0xBF30)), Guest(thumb(0xBF30))  # wfi
    words = []
    for guest in guests:
        guest.run()
        content = bytes(guest.engine.context_save())
        words.append(struct.unpack_from(f"<{len(content) // 8}Q", content))
    maps = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines()]
    mapped = [range(int(low, 16), int(high, 16)) for low, high in maps]
    differing = [word for pair in zip(*words, strict=True) if pair[0] != pair[1] for word in pair]
    addresses = [word for word in differing if any(word in area for area in mapped)]
    # A word that differs and is no address is memory that the engine left uninitialised.
    return len(addresses) > 0, (
        f"{len(differing) // 2} of {len(words[0])} words differ, {len(addresses) // 2} of them are host addresses"
    )


def _remember_memory(engine: Uc) -> None:
    """Let contexts hold memory as well."""
    both = const.UC_CTL_CONTEXT_CPU | const.UC_CTL_CONTEXT_MEMORY
    engine.ctl(const.UC_CTL_CONTEXT_MODE, const.UC_CTL_IO_WRITE, ctypes.c_int(both))


@fact("with UC_CTL_CONTEXT_MEMORY, stores no longer reach memory from mem_map_ptr")
def context_memory_diverges() -> tuple[bool, str]:
    """The emulator shares its memory with the engine and takes its own snapshots."""
    host = (ctypes.c_uint8 * 0x1000)()
    base = DATA + (2 << 20)
    guest = Guest(thumb(0x7008, 0xBF30))  # strb r0, [r1]; wfi
    guest.rights[base >> 20] = READ | WRITE
    guest.engine.mem_map_ptr(base, len(host), const.UC_PROT_ALL, ctypes.addressof(host))
    _remember_memory(guest.engine)
    guest.run(r0=1, r1=base)
    before = host[0]
    context = guest.engine.context_save()
    guest.run(r0=2, r1=base)
    after, engine = host[0], guest.engine.mem_read(base, 1)[0]
    guest.engine.context_restore(context)
    return (before, after, engine) == (1, 1, 2), f"stored 1, saved, stored 2: host sees {after}, engine {engine}"


@fact("the engine's copy-on-write snapshot costs at least five times a copy of the pages", timed=True)
def engine_snapshot_is_slow() -> tuple[bool, str]:
    """The native core restores memory by copying it."""
    pages, base = 32, DATA + (2 << 20)
    # back: str r2, [r1]; add r1, r3; subs r0, #1; bne back; wfi
    guest = Guest(thumb(0x600A, 0x4419, 0x3801, 0xD1FB, 0xBF30))
    guest.rights[base >> 20] = READ | WRITE
    guest.engine.mem_map(base, pages * 4096)
    kept, copy = bytes(pages * 4096), ctypes.create_string_buffer(pages * 4096)

    def run() -> None:
        guest.run(r0=pages, r1=base, r3=4096)

    def run_and_copy() -> None:
        run()
        ctypes.memmove(copy, kept, len(kept))

    def run_and_restore() -> None:
        context = guest.engine.context_save()
        run()
        guest.engine.context_restore(context)

    run()
    bare, copied = fastest(run), fastest(run_and_copy)
    _remember_memory(guest.engine)
    restored = fastest(run_and_restore)
    page = (restored - bare) / pages
    return restored > 5 * copied, f"{page * 1e6:.0f} us a page, ratio {restored / copied:.0f}"

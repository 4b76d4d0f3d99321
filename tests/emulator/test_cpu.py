# SPDX-License-Identifier: GPL-2.0-or-later
"""The core itself, with a few hand-assembled instructions."""

from __future__ import annotations

import mmap
import random

import pytest

from emulator.board import Region
from emulator.cpu import REGISTER_NAMES, Cpu, lib
from emulator.errors import EmulatorError

CODE = Region("code", 0x1000, 0x1000, "rx")
DATA = Region("data", 0x8000, 0x2000, "rw")

WFI = "30bf"
NOP = "00bf"


def make(code: str, data: Region = DATA) -> tuple[Cpu, memoryview]:
    """A core with `code` (hex) at 0x1000 and data, two pages of it."""
    cpu = Cpu("cortex-m4", until=CODE.end - 2)
    views = []
    for region in (CODE, data):
        memory = memoryview(mmap.mmap(-1, region.size))
        cpu.grant(region, memory)
        views.append(memory)
    views[0][: len(bytes.fromhex(code))] = bytes.fromhex(code)
    cpu.set_registers({"pc": CODE.base, "sp": data.end})
    return cpu, views[1]


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(EmulatorError, match="cortex-m4"):
        Cpu("z80", until=0)


def test_registers_are_plain_values_by_name() -> None:
    cpu, _ = make(WFI)
    cpu.set_registers({"r0": 1, "r12": 2, "lr": 3})
    registers = cpu.registers().as_dict()
    assert tuple(registers) == REGISTER_NAMES
    assert (registers["r0"], registers["r12"], registers["lr"], registers["pc"]) == (1, 2, 3, CODE.base)
    cpu.close()


def test_a_run_ends_idle_behind_wfi_with_its_instructions_counted() -> None:
    cpu, _ = make(NOP + NOP + WFI)
    assert cpu.run(100) == lib.CORE_IDLE
    assert (cpu.registers().pc, cpu.instructions) == (CODE.base + 6, 3)
    cpu.close()


def test_blocks_that_share_a_record_are_counted_as_what_they_are() -> None:
    """One begins 2 bytes behind the other, a third 64 KiB behind: the core keeps one record for all of them."""
    far = Region("far", CODE.base + 0x10000, 0x1000, "rx")
    cpu, _ = make(NOP + NOP + NOP + WFI)
    memory = memoryview(mmap.mmap(-1, far.size))
    memory[:4] = bytes.fromhex(NOP + WFI)
    cpu.grant(far, memory)
    for _ in range(2):
        for start, instructions in ((CODE.base, 4), (CODE.base + 2, 3), (far.base, 2)):
            cpu.set_registers({"pc": start})
            assert cpu.run(100) == lib.CORE_IDLE
            assert cpu.instructions == instructions
    cpu.close()


def test_wide_instructions_count_once() -> None:
    # mov.w r0, #0x10000 ; movs r1, #1 ; wfi
    cpu, _ = make("4ff48030" + "0121" + WFI)
    assert cpu.run(100) == lib.CORE_IDLE
    assert cpu.instructions == 3
    cpu.close()


def test_last_blocks_are_the_newest_first() -> None:
    # b +2 (over a nop) ; nop ; wfi
    cpu, _ = make("00e0" + NOP + WFI)
    cpu.run(100)
    assert cpu.last_blocks(8) == (CODE.base + 4, CODE.base)
    cpu.close()


def test_the_host_saves_what_it_is_about_to_write() -> None:
    cpu, data = make(WFI)
    cpu.run(10)
    data[0x1800] = 1
    cpu.snapshot(hot=((DATA.base, 16),))
    cpu.touch(DATA.base + 0x1800, 1)
    data[0x1800] = 2
    data[4] = 9
    cpu.restore()
    assert (data[0x1800], data[4]) == (1, 0)
    cpu.close()


def test_a_hot_range_outside_the_grants_is_refused() -> None:
    cpu, _ = make(WFI)
    with pytest.raises(EmulatorError, match="hot range 0x20000"):
        cpu.snapshot(hot=((0x20000, 16),))
    cpu.close()


def test_close_twice_does_no_harm() -> None:
    cpu, _ = make(WFI)
    cpu.close()
    cpu.close()


# cmp r0, r0 ; ite eq ; streq r0, [r1] ; strne r0, [r1] ; b next ; next: movs r3, #1 ; movs r4, #1 ; wfi
CONDITIONAL_STORE = "8042" + "0cbf" + "0860" + "0860" + "ffe7" + "0123" + "0124" + WFI


def test_a_first_access_inside_an_if_then_block_does_not_disturb_what_follows() -> None:
    """The fill callback fires inside the block: when cold, and again after a snapshot has made pages read-only."""
    cpu, _ = make(CONDITIONAL_STORE)
    cpu.snapshot(hot=())
    for _ in range(3):
        for _ in range(2):
            cpu.set_registers({"pc": CODE.base, "r1": DATA.base, "r3": 0, "r4": 0})
            assert cpu.run(100) == lib.CORE_IDLE
            registers = cpu.registers()
            assert (registers.r3, registers.r4, cpu.instructions) == (1, 1, 8)
        cpu.restore()
    cpu.close()


def test_each_restore_brings_back_whatever_the_runs_before_have_written() -> None:
    """Pages stay writable behind some restores and not behind others; the host writes some of them, too."""
    chance, page = random.Random(1), 0x1000
    data = Region("data", 0x8000, 24 * page, "rw")
    cpu, memory = make("0860" + WFI, data)  # str r0, [r1]
    memory[:] = chance.randbytes(data.size)
    before = bytes(memory)
    cpu.snapshot(hot=((data.base, page),))
    for _ in range(300):
        for number in chance.sample(range(24), chance.choice((0, 1, 1, 2, 12))):
            address = data.base + number * page + chance.randrange(0, page, 4)
            cpu.set_registers({"pc": CODE.base, "r0": chance.getrandbits(32), "r1": address})
            assert cpu.run(100) == lib.CORE_IDLE
            if chance.random() < 0.2:
                cpu.touch(address, 4)
                memory[address - data.base] ^= 0xFF
        cpu.restore()
        assert bytes(memory) == before
    cpu.close()


# ---- a run again, and what it reads of shared memory ----

# str r0, [r1]; ldr r2, [r3]; ldr r2, [r3]; wfi
STORE_AND_LOAD_TWICE = "0860" + "1a68" + "1a68" + WFI


def test_a_rollback_brings_back_memory_and_registers() -> None:
    cpu, data = make(STORE_AND_LOAD_TWICE)
    data[0x1000:0x1004] = b"kept"
    cpu.set_registers({"r0": 0x11223344, "r1": DATA.base, "r3": DATA.base + 0x1000})
    cpu.checkpoint()
    for _ in range(3):
        assert cpu.run(100) == lib.CORE_IDLE
        assert (bytes(data[:4]), cpu.registers().r2) == (b"\x44\x33\x22\x11", 0x7470656B)
        data[0x1000:0x1004] = b"kept"
        cpu.touch(DATA.base + 0x1000, 4)
        data[0x1000:0x1004] = b"lost"
        cpu.rollback()
        assert (bytes(data[:4]), bytes(data[0x1000:0x1004])) == (bytes(4), b"kept")
        assert cpu.registers().pc == CODE.base


def test_a_snapshot_ends_the_checkpoint() -> None:
    cpu, _data = make(STORE_AND_LOAD_TWICE)
    cpu.checkpoint()
    cpu.snapshot(())
    with pytest.raises(EmulatorError, match="no checkpoint"):
        cpu.rollback()


def test_a_checkpoint_within_a_snapshot_leaves_that_whole() -> None:
    cpu, data = make(STORE_AND_LOAD_TWICE)
    data[:4] = b"\1\2\3\4"
    cpu.set_registers({"r0": 7, "r1": DATA.base, "r3": DATA.base})
    cpu.snapshot(())
    cpu.checkpoint()
    cpu.run(100)
    cpu.rollback()
    cpu.run(100)
    cpu.end_checkpoint()
    cpu.restore()
    assert bytes(data[:4]) == b"\1\2\3\4"


def test_a_second_read_is_an_event_and_a_first_one_is_none() -> None:
    cpu, data = make(STORE_AND_LOAD_TWICE)
    data[0x1010:0x1014] = b"word"
    cpu.watch_reads((DATA.base + 0x1000, 0x1000), (DATA.base, 0))
    cpu.set_registers({"r0": 7, "r1": DATA.base, "r3": DATA.base + 0x1010})
    cpu.arm_watch(True)
    cpu.run(100)
    assert cpu.registers().r2 == int.from_bytes(b"word", "little")
    (event,) = cpu.watch_events()
    assert (event.address, event.size, event.forbidden) == (DATA.base + 0x1010, 4, False)
    cpu.arm_watch(True)
    assert cpu.watch_events() == ()


def test_stores_to_watched_memory_arrive() -> None:
    cpu, data = make(STORE_AND_LOAD_TWICE)
    cpu.watch_reads((DATA.base + 0x1000, 0x1000), (DATA.base, 0))
    cpu.set_registers({"r0": 0x55667788, "r1": DATA.base + 0x1004, "r3": DATA.base})
    cpu.arm_watch(True)
    cpu.checkpoint()
    cpu.run(100)
    assert bytes(data[0x1004:0x1008]) == b"\x88\x77\x66\x55"
    cpu.rollback()
    assert bytes(data[0x1004:0x1008]) == bytes(4)


def test_a_read_of_what_must_not_be_read_is_an_event_and_a_store_is_none() -> None:
    cpu, data = make(STORE_AND_LOAD_TWICE)
    cpu.watch_reads((DATA.base + 0x1000, 0x1000), (DATA.base, 0x1000))
    cpu.set_registers({"r0": 7, "r1": DATA.base, "r3": DATA.base + 0x1000})
    cpu.arm_watch(True)
    cpu.run(100)
    assert [event.forbidden for event in cpu.watch_events()] == [False]
    assert data[0] == 7
    cpu.set_registers({"pc": CODE.base, "r3": DATA.base + 4})
    cpu.arm_watch(True)
    cpu.run(100)
    assert [(event.address & ~0x3FF, event.forbidden) for event in cpu.watch_events()] == [(DATA.base, True)]


def test_a_machine_has_one_watch() -> None:
    cpu, _data = make(WFI)
    cpu.watch_reads((DATA.base, 0x1000), (DATA.base, 0))
    with pytest.raises(EmulatorError, match="only one pair"):
        cpu.watch_reads((DATA.base, 0x1000), (DATA.base, 0))

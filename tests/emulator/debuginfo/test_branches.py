# SPDX-License-Identifier: GPL-2.0-or-later
"""Branches are those that binutils' disassembler shows, of every build and of what no build has."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.board import AN386, VEXPRESS_A15
from emulator.debuginfo.branches import Branch, Code, branches
from emulator.image import Image, load_image
from harness.targets.opening import default_firmware

CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
DIRECT = re.compile(rf"^\s+([0-9a-f]+):\s+(?:b(?:{CONDITIONS})(?:\.[nw])?\s+|cbn?z\s+r\d+, )([0-9a-f]+)")
TABLE = re.compile(r"^\s+([0-9a-f]+):\s+tb[bh]\s")

# An If-Then block with each way out of a function, a table with a filling byte, data that look like branches.
ASSEMBLY = """
    .syntax unified
    .thumb
    .section .text.odd, "ax"
    .type odd, %function
    .global odd
odd:
    cmp r0, #1
    ittt eq
    moveq r1, #2
    addeq r2, #3
    bxeq lr
    push {r4, lr}
    cmp r0, #2
    it ne
    blne elsewhere
    cmp r0, #3
    it eq
    popeq {r4, pc}
    cmp r0, #4
    itt eq
    ldreq r1, [r2]
    beq.w elsewhere
    beq 1f
1:  tbb [pc, r0]
2:  .byte (3f - 2b) / 2
    .byte (4f - 2b) / 2
    .byte (3f - 2b) / 2
    .align 1
3:  nop
4:  pop {r4, pc}
    .align 2
    .word 0xd0fed0fe, 0xb10ab10a
    .size odd, . - odd
    .type elsewhere, %function
elsewhere:
    bx lr
    .size elsewhere, . - elsewhere
"""
MAIN = """
#include <stdint.h>
int odd(int);
void reset(void) { odd(1); for (;;) ; }
__attribute__((section(".vectors"), used)) const uintptr_t vectors[2] = {0x20005000u, (uintptr_t)reset};
"""


def _image(path: Path) -> Image:
    return load_image(path, AN386)


@pytest.mark.parametrize("build", ["release", "debug", "fips"])
def test_every_branch_is_one_that_objdump_shows(firmware: Path, build: str) -> None:
    path = firmware.parents[1] / build / firmware.name
    command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    direct = {int(found[1], 16): int(found[2], 16) for found in map(DIRECT.match, said) if found}
    tables = {int(found[1], 16) for found in map(TABLE.match, said) if found}
    known = branches(Code(_image(path)))
    assert len(direct) > 400
    assert {branch.address: branch.ways[0].target for branch in known if branch.address not in tables} == direct
    for branch in known:
        labels = [way.label for way in branch.ways]
        if branch.address in direct:
            assert labels == ["taken", "not taken"]
            assert branch.ways[1].target == branch.end
    assert tables == {branch.address for branch in known if branch.mnemonic.startswith("tb")}


@pytest.fixture
def odd(build_elf: Callable[..., Path]) -> Image:
    return _image(build_elf({"main.c": MAIN, "odd.S": ASSEMBLY}))


def test_what_an_if_then_block_makes_conditional(odd: Image) -> None:
    symbols = odd.symbols
    found = {branch.mnemonic: branch for branch in branches(Code(odd)) if branch.address >= symbols["odd"].address}
    elsewhere = symbols["elsewhere"].address
    targets = {name.split(".")[0]: branch.ways[0].target for name, branch in found.items() if name != "tbb"}
    # The branch to the next instruction decides nothing, and neither do MOV, ADD and LDR.
    assert targets == {"bxeq": None, "blne": elsewhere, "popeq": None, "beq": elsewhere}
    assert all(branch.ways[1].target == branch.end for name, branch in found.items() if name != "tbb")


def test_a_table_has_a_way_to_each_of_its_targets(odd: Image) -> None:
    table: Branch = next(branch for branch in branches(Code(odd)) if branch.mnemonic == "tbb")
    assert [way.target for way in table.ways] == [table.end + 4, table.end + 6]
    assert table.ways[0].label == f"to {table.end + 4:#x}"


def test_data_among_code_are_no_code(odd: Image) -> None:
    code = Code(odd)
    start = odd.symbols["odd"].address
    data = code.bytes_at(start, start + odd.symbols["odd"].size).index(bytes.fromhex("fed0fed0")) + start
    assert not list(code.overlap(data, data + 8))
    assert list(code.overlap(start, data + 8))[-1][1] == data
    assert code.data_behind(data)[:8] == bytes.fromhex("fed0fed00ab10ab1")


def test_without_mapping_symbols_no_branch_is_known(odd: Image, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--strip-all", str(odd.path), str(stripped)], check=True)
    code = Code(_image(stripped))
    assert not code.mapped
    assert branches(code) == ()
    text = odd.section(".text")
    assert text is not None
    assert code.ranges == ((text.address, text.end),)


def test_of_arm_state_every_conditional_branch_is_one_that_objdump_shows() -> None:
    path = default_firmware(VEXPRESS_A15.name)
    assert path.is_file(), "run `make boards` first"
    command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    conditions = "eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
    shown = re.compile(rf"^\s*([0-9a-f]+):\s+b(?:l|x)?(?:{conditions})\s+(?:([0-9a-f]+) |lr)", re.MULTILINE)
    direct = {int(address, 16): int(target, 16) if target else None for address, target in shown.findall(said)}
    code = Code(load_image(path, VEXPRESS_A15))
    known = {branch.address: branch for branch in branches(code)}
    assert code.state == "arm"
    assert len(direct) > 500
    assert {address: known[address].ways[0].target for address in direct if address in known} == direct
    # Beside them: jumps through a table that follows, and other writes of the program counter.
    assert {known[address].mnemonic[:3] for address in known.keys() - direct.keys()} <= {"ldr", "add", "pop", "ldm"}

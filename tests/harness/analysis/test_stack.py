# SPDX-License-Identifier: GPL-2.0-or-later
"""The stack gauge against a look at every single instruction, and against what the compiler says of each frame."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from unicorn import arm_const
from unicorn import unicorn_const as const

from emulator.board import VEXPRESS_A15
from harness.analysis.stack import StackGauge, lowering_sites, lowering_size, lowers_in_arm_state
from harness.analysis.workloads import KEY_ID
from harness.protocol import codec, key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

KEYS = KeyImage((key_image.aes_slot(KEY_ID, bytes(32)),)).build()
REQUEST = codec.aes_encrypt(KEY_ID, b"", bytes(100))


@pytest.fixture(params=["release", "debug"])
def target(request: pytest.FixtureRequest, builds: dict[str, Path]) -> Iterator[EmulatedTarget]:
    made = EmulatedTarget(builds[request.param])
    made.boot(bytes(range(48)), KEYS)
    yield made
    made.close()


def exchange(target: EmulatedTarget) -> int:
    """Instructions of the request, from the state behind boot."""
    target.restore()
    assert target.exchange(REQUEST).status is Status.SUCCESS
    return target.last_instructions


def deepest_of_every_instruction(target: EmulatedTarget) -> int:
    engine = target.machine.cpu.engine
    pointers: set[int] = set()
    hook = engine.hook_add(const.UC_HOOK_CODE, lambda *_: pointers.add(engine.reg_read(arm_const.UC_ARM_REG_SP)))
    target.machine.cpu.forget_translations()
    exchange(target)
    engine.hook_del(hook)
    target.machine.cpu.forget_translations()
    return target.board.stack.end - min(pointers)


def test_the_gauge_sees_what_a_look_at_every_instruction_sees(target: EmulatedTarget) -> None:
    with StackGauge(target.machine) as gauge:
        exchange(target)
        measured = gauge.deepest
    assert measured == deepest_of_every_instruction(target)


def test_the_gauge_changes_no_count_and_leaves_nothing_behind(target: EmulatedTarget) -> None:
    before = exchange(target)
    with StackGauge(target.machine) as gauge:
        assert exchange(target) == before
        gauge.reset()
        at_rest = gauge.deepest
    assert exchange(target) == before
    assert gauge.deepest == at_rest


def test_it_holds_the_largest_frame_and_fits_the_stack(target: EmulatedTarget) -> None:
    frames = target.image.path.with_suffix(".su").read_text().splitlines()
    with StackGauge(target.machine) as gauge:
        exchange(target)
    # The frame of the operation itself, which every request enters.
    own = next(int(line.split("\t")[1]) for line in frames if ":gcm_encrypt\t" in line)
    assert own < gauge.deepest < target.board.stack.size


ASSEMBLY = """
    push {r4, lr}
    push {r0}
    push.w {r4-r11, lr}
    str r3, [sp, #-4]!
    strb r3, [sp, #-8]!
    strh r3, [sp, #-8]!
    strd r2, r3, [sp, #-16]!
    vpush {s16}
    vpush {d8-d9}
    stmdb sp!, {r0, r2}
    sub sp, #8
    sub.w sp, sp, #512
    subw sp, sp, #1028
    sub.w sp, sp, r3
    add sp, r4
    sub.w sp, sp, r3, lsl #2
    mov sp, r7
    mov.w sp, r7
"""
HARMLESS = """
    pop {r4, pc}
    ldmia.w sp!, {r4-r11, pc}
    str r3, [sp, #4]
    str.w r3, [sp, #1024]
    add r0, sp, #8
    mov r7, sp
    cmp sp, r3
    bl .
    b.w .
    nop
"""


ARM_STATE = """
    push {r4, lr}
    push {r0}
    str r3, [sp, #-8]!
    strb r3, [sp, -r2]!
    strh r3, [sp, #-8]!
    strd r2, r3, [sp, #-16]!
    vpush {s16}
    vpush {d8-d9}
    stmdb sp!, {r0, r2}
    sub sp, sp, #512
    subne sp, sp, r3
    sub sp, sp, r3, lsl #2
    mov sp, r7
    bic sp, r3, #7
"""
HARMLESS_IN_ARM_STATE = """
    pop {r4, pc}
    ldmia sp!, {r4-r11, pc}
    str r3, [sp, #4]
    str r3, [sp, #-4]
    strd r2, r3, [sp, #8]
    add r0, sp, #8
    mov r7, sp
    cmp sp, r3
    bl .
    nop
"""


def words_of_arm_state(tmp_path: Path, source: str) -> list[int]:
    code = machine_code(tmp_path, f".syntax unified\n.arm\n{source}", "-mcpu=cortex-a15", "-mfpu=vfpv4")
    return [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code), 4)]


def test_of_arm_state_every_instruction_that_lowers_the_stack_pointer_is_known(tmp_path: Path) -> None:
    words = words_of_arm_state(tmp_path, ARM_STATE)
    assert len(words) == len(ARM_STATE.split("\n")) - 2
    assert [f"{word:08x}" for word in words if not lowers_in_arm_state(word)] == []
    others = words_of_arm_state(tmp_path, HARMLESS_IN_ARM_STATE)
    assert [f"{word:08x}" for word in others if lowers_in_arm_state(word)] == []


def test_the_gauge_on_a_core_of_a_profile() -> None:
    """From power-on, where there is no stack pointer yet, and for one request."""
    target = EmulatedTarget(default_firmware(VEXPRESS_A15.name), VEXPRESS_A15.name)
    with StackGauge(target.machine) as gauge:
        target.boot(bytes(range(48)), KEYS)
        assert 0 < gauge.deepest < target.board.stack.size
    with StackGauge(target.machine) as gauge:
        exchange(target)
        measured = gauge.deepest
    assert measured == deepest_of_every_instruction(target)
    target.close()


def assembled(tmp_path: Path, source: str) -> list[tuple[int, int]]:
    """The halfwords of each instruction, as the assembler has it; the second of a short one is 0."""
    code = machine_code(tmp_path, f".syntax unified\n.thumb\n{source}", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16")
    halfwords = [int.from_bytes(code[at : at + 2], "little") for at in range(0, len(code), 2)]
    found, at = [], 0
    while at < len(halfwords):
        wide = halfwords[at] >> 11 >= 0b11101
        found.append((halfwords[at], halfwords[at + 1] if wide else 0))
        at += 2 if wide else 1
    return found


def machine_code(tmp_path: Path, source: str, *flags: str) -> bytes:
    text, item, binary = tmp_path / "code.s", tmp_path / "code.o", tmp_path / "code.bin"
    text.write_text(source)
    subprocess.run(("arm-none-eabi-as", *flags, str(text), "-o", str(item)), check=True)
    subprocess.run(("arm-none-eabi-objcopy", "-O", "binary", str(item), str(binary)), check=True)
    return binary.read_bytes()


def test_every_instruction_that_lowers_the_stack_pointer_is_known(tmp_path: Path) -> None:
    instructions = assembled(tmp_path, ASSEMBLY)
    assert len(instructions) == len(ASSEMBLY.split("\n")) - 2
    for first, second in instructions:
        wide = first >> 11 >= 0b11101
        assert lowering_size(first, second) == (4 if wide else 2), f"{first:04x} {second:04x}"


def test_other_instructions_are_not_taken_for_one(tmp_path: Path) -> None:
    assert [lowering_size(*pair) for pair in assembled(tmp_path, HARMLESS)] == [0] * (len(HARMLESS.split("\n")) - 2)


def test_sites_are_behind_the_prologues(target: EmulatedTarget) -> None:
    sites = lowering_sites(target.image)
    assert list(sites) == sorted(set(sites))
    function = target.image.symbols["gcm_encrypt"]
    assert any(function.address < site <= function.address + 16 for site in sites)

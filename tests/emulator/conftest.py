# SPDX-License-Identifier: GPL-2.0-or-later
"""Small ELF files for these tests, made by the real toolchain."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from emulator.board import AN386, TaskMap
from emulator.generate import linker_memory
from emulator.image import Image, load_image

COMPILER = "arm-none-eabi-gcc"
FLAGS = ("-mcpu=cortex-m4", "-mthumb", "-O2", "-g", "-std=c11", "-ffreestanding", "-nostdlib", "-Wall", "-Werror")

LINKER_SCRIPT = """
ENTRY(reset)
PHDRS { text PT_LOAD FLAGS(5); rodata PT_LOAD FLAGS(4); data PT_LOAD FLAGS(6); bss PT_LOAD FLAGS(6); }
SECTIONS
{
    .text : { KEEP(*(.vectors)) *(.text .text.*) . = ALIGN(4); } > CODE :text
    .rodata : ALIGN(4096) { *(.rodata .rodata.*) . = ALIGN(4); } > CODE :rodata
    .note.gnu.build-id : { *(.note.gnu.build-id) } > CODE :rodata
    .data : ALIGN(8) { *(.data .data.*) . = ALIGN(4); } > DATA AT > CODE :data
    __data_load = LOADADDR(.data);
    .bss (NOLOAD) : ALIGN(8) { *(.bss .bss.*) . = ALIGN(4); __bss_end = .; } > DATA AT > DATA :bss
}
__stack_top = ORIGIN(STACK) + LENGTH(STACK);
"""

# Nested calls through an inlined function, a recursive one, assembly without frame information, two variables of one
# name, functions that the linker drops, and every shape of member that a path can go through.
SAMPLE = {
    "main.c": """
#include <stdint.h>
#include "lib/store.h"

static int twice;
const uint32_t table[4][3] = {{1, 2, 3}, {4, 5, 6}};
static const char *const name = "sample";

static inline int scaled(int x)
{
    return store_put(x) * 3;
}

int dropped_too(int x)
{
    return scaled(x) + scaled(x + 1) + scaled(x + 2) + scaled(x + 3);
}

__attribute__((noinline)) int middle(int x)
{
    twice += x;
    int first = scaled(x);
    return first + store_put(first) + twice;
}

__attribute__((noreturn)) void reset(void)
{
    for (;;) {
        middle((int)table[twice & 3][1] + name[twice & 1]);
        store_depth(3);
    }
}

__attribute__((section(".vectors"), used)) const uintptr_t vectors[2] = {0x20005000u, (uintptr_t)reset};
""",
    "lib/store.h": """
#include <stdint.h>
int store_put(int x);
int store_depth(int n);
int add_one(int x);
""",
    "lib/store.c": """
#include "store.h"

struct slot {
    uint32_t id;
    union {
        uint64_t whole;
        struct {
            uint16_t low, high;
        };
    };
    struct {
        uint64_t count;
        uint8_t key[32];
        struct slot *next;
    } state[3];
    uint32_t flag : 3;
};

struct slot slots[4] = {{.id = 7}};
static volatile int twice;
typedef const volatile struct slot constant_slot;
extern constant_slot only[];
constant_slot only[1] = {{.id = 1}};

__attribute__((noinline)) int dropped(int x)
{
    int total = 0;
    for (int i = 0; i < x; i++)
        for (int j = 0; j < x; j++) {
            total += only[0].state[i % 3].key[j & 31] * i + (int)only[0].id;
            twice = total;
        }
    return total;
}

int store_put(int x)
{
    static uint32_t puts;
    puts += (uint32_t)x;
    twice = x;
    slots[x & 3].state[x % 3].count += puts;
    return add_one((int)slots[(x + 1) & 3].id) + (int)only[0].id;
}

int store_depth(int n)
{
    return n ? store_depth(n - 1) * n + add_one(n) : twice;
}
""",
    "leaf.S": """
    .syntax unified
    .section .text.add_one, "ax"
    .global add_one
    .type add_one, %function
    .thumb_func
add_one:
    adds r0, #1
    bx lr
    .size add_one, . - add_one
""",
}

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def sources() -> dict[str, str]:
    """The sample program's files, path -> text."""
    return dict(SAMPLE)


@pytest.fixture(scope="session")
def sample(build_elf: Build) -> Path:
    """The sample program, linked for board an386."""
    flags = ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-Wl,--build-id")
    return build_elf(SAMPLE, *flags)


@pytest.fixture(scope="session")
def sample_image(sample: Path) -> Image:
    """The sample program's image."""
    return load_image(sample, AN386)


@pytest.fixture(scope="session")
def misbehaving(build_elf: Build) -> Path:
    """A guest that does what the host asks of it, and asks for trouble."""
    source = Path(__file__).parent / "guests" / "misbehaving.c"
    return build_elf({"main.c": source.read_text()}, "-Wno-infinite-recursion")


@pytest.fixture(scope="session")
def branching(build_elf: Build) -> Path:
    """A guest with branches of every kind, in functions for the host to call."""
    source = Path(__file__).parent / "guests" / "branching.c"
    return build_elf({"main.c": source.read_text()}, "-fno-ipa-cp", "-fno-if-conversion", "-fno-if-conversion2")


@pytest.fixture(scope="session")
def build_elf(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Returns build(sources, *flags, script=LINKER_SCRIPT, task=AN386.service): compiles and links path -> text."""
    if shutil.which(COMPILER) is None:
        pytest.fail(f"{COMPILER} is not installed; run `make setup`")

    def build(
        sources: Mapping[str, str], *flags: str, script: str = LINKER_SCRIPT, task: TaskMap = AN386.service
    ) -> Path:
        directory = tmp_path_factory.mktemp("elf")
        for name, text in sources.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
        (directory / "link.ld").write_text(linker_memory(AN386, task) + script)
        units = [name for name in sources if not name.endswith(".h")]
        command = [COMPILER, *FLAGS, *flags, "-T", "link.ld", "-o", "out.elf", *units]
        result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return directory / "out.elf"

    return build

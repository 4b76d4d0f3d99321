# SPDX-License-Identifier: GPL-2.0-or-later
"""What gdb is told of the target in XML: registers, memory, threads; and the registers' order in packets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import quoteattr

from emulator.board import Board
from emulator.l4.task import Task

# Names as gdb demands them of an M-profile core (GDB manual, G.5.3); packets have the registers in this order.
_CORE: Final = (
    *((f"r{number}", "uint32") for number in range(13)),
    ("sp", "data_ptr"),
    ("lr", "int"),
    ("pc", "code_ptr"),
    ("xpsr", "int"),
)
_SYSTEM: Final = (("primask", "int"), ("control", "int"))

REGISTERS: Final = tuple(name for name, _type in (*_CORE, *_SYSTEM))


def target_xml() -> str:
    """The registers of an M-profile core without floating point."""

    def feature(name: str, registers: Iterable[tuple[str, str]]) -> str:
        lines = "".join(f'<reg name="{register}" bitsize="32" type="{type}"/>\n' for register, type in registers)
        return f'<feature name="{name}">\n{lines}</feature>\n'

    return (
        '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n<target version="1.0">\n'
        "<architecture>arm</architecture>\n"
        + feature("org.gnu.gdb.arm.m-profile", _CORE)
        + feature("org.hil-bench.system", _SYSTEM)
        + "</target>\n"
    )


def memory_map_xml(board: Board) -> str:
    """The board's memories. All are called RAM: a debugger may write to each, whatever the tasks may."""
    banks = "".join(f'<memory type="ram" start="{bank.base:#x}" length="{bank.size:#x}"/>\n' for bank in board.banks)
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" '
        f'"http://sourceware.org/gdb/gdb-memory-map.dtd">\n<memory-map>\n{banks}</memory-map>\n'
    )


def threads_xml(tasks: Iterable[Task]) -> str:
    """The tasks as threads, numbered from 1."""
    rows = (
        f'<thread id="{number}" core="{number - 1}" name={quoteattr(task.name)}>{describe(task)}</thread>\n'
        for number, task in enumerate(tasks, start=1)
    )
    return f'<?xml version="1.0"?>\n<threads>\n{"".join(rows)}</threads>\n'


def describe(task: Task) -> str:
    """What a task does, for the list of threads."""
    return "waits" if task.state == "idle" else "has something to do"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops are values that explain themselves."""

from emulator.cpu import REGISTER_NAMES, Registers
from emulator.stop import IDLE, Breakpoint, Fault, Idle, LimitReached

REGISTERS = Registers(**{name: number for number, name in enumerate(REGISTER_NAMES)})


def test_a_stop_says_what_happened_in_one_line() -> None:
    assert str(IDLE) == "idle"
    assert Idle() == IDLE
    assert str(Breakpoint(0x100)) == "breakpoint at 0x00000100"
    assert str(LimitReached(10, 0x200, ())) == "not idle after 10 instructions, at 0x00000200"
    assert str(LimitReached(10, 0x200, ("main (main.c:3)",))).endswith("at main (main.c:3)")


def test_a_fault_report_has_kind_address_registers_chain_and_branches() -> None:
    fault = Fault("read not granted", 0x1234, REGISTERS, ("inner (a.c:1)", "outer (a.c:9)"), ("loop+0x4",), "no region")
    assert str(fault) == "read not granted at 0x00001234, in inner (a.c:1)"
    report = fault.report()
    for piece in ("no region", "r0 00000000", "sp 0000000d", "inner (a.c:1)", "outer (a.c:9)", "loop+0x4"):
        assert piece in report


def test_a_fault_without_symbols_names_the_program_counter() -> None:
    assert str(Fault("undefined instruction", None, REGISTERS, (), ())) == "undefined instruction, in 0x0000000f"

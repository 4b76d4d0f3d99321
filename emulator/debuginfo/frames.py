# SPDX-License-Identifier: GPL-2.0-or-later
"""Call frames: from one frame's registers to its caller's, by .debug_frame (DWARF 5, section 6.4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from elftools.dwarf.callframe import FDE, RegisterRule
from elftools.dwarf.dwarfinfo import DWARFInfo

from emulator.board import ADDRESS_LIMIT
from emulator.debuginfo.dwarf import DAMAGE
from emulator.errors import EmulatorError

MAX_DEPTH = 64

# DWARF numbers of the core registers are their own numbers (DWARF for the Arm Architecture, section 4.1).
REGISTER_NAMES = (*(f"r{index}" for index in range(13)), "sp", "lr", "pc")
_SP, _LR, _PC = 13, 14, 15
# Callee-saved registers (AAPCS32, section 6.1.1): only these survive a call, so only these can be known in a caller.
_PRESERVED = range(4, 12)

ReadMemory = Callable[[int, int], bytes | None]
_Registers = dict[int, int]
# A row of the decoded table: 'pc' and 'cfa', and register numbers with their rules.
_Row = dict[Any, Any]


class _Entry(NamedTuple):
    start: int
    end: int
    fde: FDE


class CallFrames:
    """The unwinder of an image; `is_code` says whether an address lies in a function."""

    def __init__(self, dwarf: DWARFInfo, is_code: Callable[[int], bool]) -> None:
        self._dwarf = dwarf
        self._is_code = is_code

    def unwind(self, registers: Mapping[str, int], read_memory: ReadMemory) -> Iterator[int]:
        """The program counters of the frames, innermost first: the current one, then return addresses.

        `registers` holds r0 to r12, sp, lr and pc; what is missing counts as unknown. `read_memory(address, size)`
        returns the bytes or None, or raises EmulatorError. Ends after MAX_DEPTH frames or where the stack, which may
        be in any state, makes no sense.
        """
        state = {number: registers[name] for number, name in enumerate(REGISTER_NAMES) if name in registers}
        if _PC not in state:
            return
        state[_PC] &= ~1
        yield state[_PC]
        for depth in range(MAX_DEPTH - 1):
            caller: _Registers | None = None
            with suppress(EmulatorError, *DAMAGE):
                caller = self._caller(state, read_memory, innermost=depth == 0)
            if caller is None or not self._is_code(caller[_PC] - 1):
                return
            state = caller
            yield state[_PC]

    def _caller(self, state: _Registers, read_memory: ReadMemory, innermost: bool) -> _Registers | None:
        # A return address may lie behind the function: its call was the last instruction.
        row = self._row_at(state[_PC] if innermost else state[_PC] - 1)
        if row is None:
            # Without frame information only the link register can tell, and only while nothing else was called.
            return {**state, _PC: state[_LR] & ~1} if innermost and _LR in state else None
        frame_address = _frame_address(row, state)
        if frame_address is None or frame_address < state[_SP] or (frame_address == state[_SP] and not innermost):
            return None
        return_rule = row.get(_LR)
        if return_rule is None and not innermost:
            return None
        caller = {number: state[number] for number in _PRESERVED if number in state}
        for number in (*_PRESERVED, _LR):
            if number in row:
                value = _restored(row[number], number, frame_address, state, read_memory)
                caller.pop(number, None)
                if value is not None:
                    caller[number] = value
        if return_rule is None:
            caller[_LR] = state[_LR]
        if _LR not in caller:
            return None
        return {**caller, _SP: frame_address, _PC: caller[_LR] & ~1}

    def _row_at(self, address: int) -> _Row | None:
        """The rules that hold at `address`."""
        position = bisect_right(self._entries, address, key=lambda entry: entry.start) - 1
        if position < 0 or address >= self._entries[position].end:
            return None
        rows = self._entries[position].fde.get_decoded().table
        return next((row for row in reversed(rows) if row["pc"] <= address), None)

    @cached_property
    def _entries(self) -> list[_Entry]:
        entries: list[_Entry] = []
        with suppress(*DAMAGE):
            if self._dwarf.has_CFI():
                for fde in self._dwarf.CFI_entries():
                    if isinstance(fde, FDE):
                        start = fde["initial_location"]
                        entries.append(_Entry(start, start + fde["address_range"], fde))
        entries.sort(key=lambda entry: entry.start)
        return entries


def _frame_address(row: _Row, state: _Registers) -> int | None:
    """The canonical frame address: the caller's stack pointer. None where it is not a register plus an offset."""
    rule = row["cfa"]
    if rule.reg not in state or rule.offset is None:
        return None
    address = int(state[rule.reg] + rule.offset)
    return address if 0 <= address < ADDRESS_LIMIT and address % 4 == 0 else None


def _restored(
    rule: RegisterRule, number: int, frame_address: int, state: _Registers, read_memory: ReadMemory
) -> int | None:
    """A register's value in the caller, None if it is lost."""
    if rule.type == RegisterRule.SAME_VALUE:
        return state.get(number)
    if not isinstance(rule.arg, int):
        return None
    if rule.type == RegisterRule.REGISTER:
        return state.get(rule.arg)
    if rule.type == RegisterRule.VAL_OFFSET:
        return (frame_address + rule.arg) % ADDRESS_LIMIT
    if rule.type == RegisterRule.OFFSET:
        word = read_memory((frame_address + rule.arg) % ADDRESS_LIMIT, 4)
        return int.from_bytes(word, "little") if word is not None and len(word) == 4 else None
    return None

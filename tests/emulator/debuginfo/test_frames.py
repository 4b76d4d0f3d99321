# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwinding is checked at every instruction of the sample program while Unicorn runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import unicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import arm_const as arm

from emulator.board import AN386
from emulator.debuginfo.frames import MAX_DEPTH, REGISTER_NAMES
from emulator.errors import EmulatorError
from emulator.image import Image, load_image
from emulator.symbols import Symbols

REGISTER_IDS = {name: getattr(arm, f"UC_ARM_REG_{name.upper()}") for name in REGISTER_NAMES}


@pytest.fixture(scope="module")
def symbols(sample_image: Image) -> Symbols:
    return Symbols(sample_image)


class Run:
    """The sample program in Unicorn, one instruction at a time."""

    def __init__(self, image: Image) -> None:
        self.engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self.engine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        for region in AN386.banks:
            self.engine.mem_map(region.base, region.size)
        for segment in image.segments:
            self.engine.mem_write(segment.virtual_address, segment.data)
        self.engine.reg_write(arm.UC_ARM_REG_SP, AN386.stack.end)
        self.engine.reg_write(arm.UC_ARM_REG_LR, 0xFFFF_FFFF)
        self.engine.reg_write(arm.UC_ARM_REG_PC, image.entry | 1)

    def registers(self) -> dict[str, int]:
        return {name: self.engine.reg_read(number) for name, number in REGISTER_IDS.items()}

    def read(self, address: int, size: int) -> bytes:
        try:
            return bytes(self.engine.mem_read(address, size))
        except unicorn.UcError as error:
            raise EmulatorError(str(error)) from error

    def steps(self, count: int) -> Iterator[dict[str, int]]:
        for _step in range(count):
            registers = self.registers()
            yield registers
            self.engine.emu_start(registers["pc"] | 1, AN386.code.end - 2, count=1)


def functions(symbols: Symbols, run: Run, registers: dict[str, int]) -> tuple[str | None, ...]:
    return tuple(frame.function for frame in symbols.call_chain(registers, run.read) if not frame.inlined)


def test_chain_is_right_at_every_instruction(symbols: Symbols, sample_image: Image) -> None:
    """A shadow stack of the calls, kept from the addresses that the program runs through, is the measure."""
    run = Run(sample_image)
    shadow: list[str] = []
    returns: list[int] = []
    seen: set[tuple[str | None, ...]] = set()
    for registers in run.steps(400):
        place = symbols.function_at(registers["pc"])
        assert place is not None
        if returns and registers["pc"] == returns[-1]:
            returns.pop()
            shadow.pop(0)
        elif place.offset == 0:
            if shadow and registers["lr"] & ~1 == (returns[-1] if returns else None):
                shadow[0] = place.symbol.name  # a tail call
            else:
                shadow.insert(0, place.symbol.name)
                returns.append(registers["lr"] & ~1)
        chain = functions(symbols, run, registers)
        assert chain == tuple(shadow), f"at {symbols.describe(registers['pc'])}"
        seen.add(chain)
    assert ("store_depth", "store_depth", "reset") in seen, "the recursive function called itself"
    assert any(chain[0] == "add_one" for chain in seen), "assembly without frame information was called"


def test_callers_carry_the_line_of_their_call(symbols: Symbols, sample_image: Image) -> None:
    run = Run(sample_image)
    for registers in run.steps(200):
        if symbols.function_at(registers["pc"]) == (symbols.symbol("add_one"), 0):
            chain = [str(frame) for frame in symbols.call_chain(registers, run.read)]
            assert chain[0].startswith("add_one (leaf.S:")
            assert chain[-1].startswith("reset+")
            return
    pytest.fail("add_one was not called")


def test_inlined_functions_stand_in_the_chain(symbols: Symbols, sample_image: Image) -> None:
    run = Run(sample_image)
    chains = [[frame.function for frame in symbols.call_chain(state, run.read)] for state in run.steps(60)]
    assert ["store_put", "scaled", "middle", "reset"] in chains


NEVER_RETURNS = """
volatile int count;
__attribute__((noinline, noreturn)) void give_up(void) { for (;;) count++; }
__attribute__((noinline)) void check(void) { give_up(); }
__attribute__((noinline)) void behind(void) { count = 2; }
void reset(void) { behind(); check(); behind(); }
"""


def test_call_at_the_very_end_belongs_to_its_function(build_elf: Callable[..., Path]) -> None:
    """The return address of a call that never returns is already behind the function."""
    image = load_image(build_elf({"main.c": NEVER_RETURNS}), AN386)
    symbols, run = Symbols(image), Run(image)
    returns = next(state["lr"] & ~1 for state in run.steps(40) if symbols.describe(state["pc"]).startswith("give_up"))
    function = symbols.function_at(returns)
    assert function is None or function.symbol.name != "check"
    chain = symbols.call_chain(run.registers(), run.read)
    assert [frame.function for frame in chain] == ["give_up", "check", "reset"]
    assert str(chain[1]).endswith(" (main.c:4)")


def test_jump_to_nowhere_is_traced_back_by_the_link_register(symbols: Symbols) -> None:
    middle = symbols.address("middle")
    registers = {"pc": 0x2000_6000, "lr": middle + 9, "sp": 0x2000_4FF8}
    chain = symbols.call_chain(registers, lambda _address, _size: None)
    assert str(chain[0]) == "0x20006000"
    assert chain[1].function in {"middle", "scaled"}


def test_chain_without_a_program_counter_is_empty(symbols: Symbols) -> None:
    assert symbols.call_chain({}, lambda _address, _size: None) == ()


def test_endless_recursion_is_cut(symbols: Symbols, sample_image: Image) -> None:
    """A stack filled with one return address looks like a call chain without end."""
    place = next(
        state
        for state in Run(sample_image).steps(400)
        if symbols.describe(state["pc"]).startswith("store_depth+") and state["sp"] < AN386.stack.end - 8
    )
    word = (symbols.address("store_depth") + 9).to_bytes(4, "little")
    chain = symbols.call_chain({**place, "sp": 0x2000_1000}, lambda _address, _size: word)
    assert len(chain) <= MAX_DEPTH


WORD = st.integers(0, 0xFFFF_FFFF)


@settings(max_examples=150, deadline=2000)
@given(data=st.data(), words=st.lists(st.one_of(WORD, st.none()), min_size=1, max_size=8))
def test_corrupt_stacks_never_raise(symbols: Symbols, data: st.DataObject, words: list[int | None]) -> None:
    code = [symbol for symbol in symbols.image.all_symbols if symbol.kind == "function"]
    inside = st.sampled_from(code).flatmap(lambda symbol: st.integers(symbol.address, symbol.address + symbol.size))
    value = st.one_of(WORD, inside, st.integers(AN386.stack.base, AN386.stack.end))
    registers = {name: data.draw(value) for name in REGISTER_NAMES}
    reads = 0

    def read(_address: int, size: int) -> bytes | None:
        nonlocal reads
        reads += 1
        word = words[reads % len(words)]
        if word is None:
            raise EmulatorError("no memory there")
        return word.to_bytes(4, "little")[: size - (word & 1)]

    assert 1 <= len(symbols.call_chain(registers, read)) <= MAX_DEPTH

# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of single C functions: arguments, results, budgets, mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.calls import CallError, Calls, CallStopped
from emulator.image import load_image
from emulator.machine import Machine
from emulator.stop import LimitReached


@pytest.fixture(scope="module")
def calls(misbehaving: Path) -> Iterator[Calls]:
    machine = Machine(AN386, load_image(misbehaving, AN386))
    yield Calls(machine)
    machine.close()


def test_arguments_go_into_registers_and_onto_the_stack(calls: Calls) -> None:
    assert calls.call("sum6", 1, 20, 300, 4000, 50000, b"\x02") == 1 + 40 + 900 + 16000 + 250000 + 12


def test_a_negative_argument_is_a_twos_complement_word(calls: Calls) -> None:
    assert calls.call("sum6", -1, 0, 0, 0, 0, b"\0") == 0xFFFF_FFFF


def test_instructions_of_the_function_alone_are_counted(calls: Calls) -> None:
    calls.call("sum6", 0, 0, 0, 0, 0, b"\0")
    assert 8 <= calls.instructions <= 30


def test_a_function_that_does_not_return_is_stopped(calls: Calls) -> None:
    with pytest.raises(CallStopped, match="spin did not return") as caught:
        calls.call("spin", budget=10_000)
    assert isinstance(caught.value.stop, LimitReached)


def test_an_unknown_function_is_named(calls: Calls) -> None:
    with pytest.raises(CallError, match="no function missing"):
        calls.call("missing")


def test_an_argument_that_is_no_word_is_refused(calls: Calls) -> None:
    with pytest.raises(CallError, match="does not fit into a 32-bit word"):
        calls.call("sum6", 1 << 32)


def test_buffers_keep_their_place_until_released(calls: Calls) -> None:
    calls.release()
    first, second = calls.buffer(b"abc", offset=1), calls.buffer(4)
    assert first.address % 8 == 1
    assert (calls.bytes_of(first), calls.bytes_of(second)) == (b"abc", bytes(4))
    assert second.address >= first.address + 3
    with pytest.raises(CallError, match="do not fit into the call scratch"):
        calls.buffer(AN386.call_scratch.size)
    calls.release()
    assert calls.buffer(1).address == AN386.call_scratch.base

# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces of runs that are the same, and of runs that are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.calls import Calls
from emulator.errors import EmulatorError
from emulator.image import load_image
from emulator.machine import Machine
from emulator.trace import Trace

NONCE = bytes(12)


@pytest.fixture
def calls(firmware: Path) -> Iterator[tuple[Machine, Calls]]:
    machine = Machine(AN386, load_image(firmware, AN386))
    yield machine, Calls(machine)
    machine.close()


def fill(calls: Calls, address: int, size: int) -> None:
    calls.call("memset", address, 1, size)


def test_the_same_run_has_the_same_trace(calls: tuple[Machine, Calls]) -> None:
    machine, caller = calls
    buffer = caller.buffer(64).address
    with Trace(machine) as trace:
        trace.record()
        fill(caller, buffer, 64)
        assert trace.events > 16
        for _ in range(2):
            trace.compare()
            fill(caller, buffer, 64)
            assert trace.difference is None


def test_another_address_is_seen_with_its_instruction(calls: tuple[Machine, Calls]) -> None:
    machine, caller = calls
    buffer = caller.buffer(128).address
    with Trace(machine) as trace:
        trace.record()
        fill(caller, buffer, 64)
        trace.compare()
        fill(caller, buffer + 8, 64)
        found = trace.difference
    assert found is not None
    assert (found.recorded.kind, found.recorded.address, found.other.address) == ("write", buffer, buffer + 8)
    assert found.recorded.pc == found.other.pc
    assert "memset" in machine.symbols.describe(found.recorded.pc)


@pytest.mark.parametrize(("first", "second"), [(64, 256), (256, 64)])
def test_a_longer_and_a_shorter_run_differ(calls: tuple[Machine, Calls], first: int, second: int) -> None:
    machine, caller = calls
    buffer = caller.buffer(256).address
    with Trace(machine) as trace:
        trace.record()
        fill(caller, buffer, first)
        trace.compare()
        fill(caller, buffer, second)
        assert trace.difference is not None


def test_a_run_that_ends_early_differs_at_its_end(calls: tuple[Machine, Calls]) -> None:
    machine, caller = calls
    buffer = caller.buffer(64).address
    with Trace(machine) as trace:
        trace.record()
        fill(caller, buffer, 64)
        fill(caller, buffer, 64)
        trace.compare()
        fill(caller, buffer, 64)
        found = trace.difference
    assert found is not None
    assert found.other.kind == "end"


def test_of_a_muted_function_nothing_is_seen(calls: tuple[Machine, Calls]) -> None:
    """sha3_256 pads what it absorbs; other lengths take other branches, all below it."""
    machine, caller = calls
    digest, data = caller.buffer(32).address, caller.buffer(500).address
    address = machine.image.symbols["sha3_256"].address
    with Trace(machine, [address]) as trace:
        trace.record()
        caller.call("sha3_256", digest, data, 10)
        assert trace.events < 6
        trace.compare()
        caller.call("sha3_256", digest, data, 400)
        assert trace.difference is None


def test_results_are_those_of_the_untraced_run(calls: tuple[Machine, Calls]) -> None:
    """A memory hook in an If-Then block must not disturb the guest."""
    machine, caller = calls
    key, out = caller.buffer(bytes(range(16))), caller.buffer(16)
    text = caller.buffer(bytes(range(15)))
    caller.call("siphash24_128", out, key, text, 15)
    untraced = caller.bytes_of(out)
    with Trace(machine) as trace:
        trace.record()
        caller.call("siphash24_128", out, key, text, 15)
    assert caller.bytes_of(out) == untraced


def test_a_run_too_long_is_told(calls: tuple[Machine, Calls]) -> None:
    machine, caller = calls
    with Trace(machine, limit=1) as trace:
        trace.record()
        fill(caller, caller.buffer(64).address, 64)
        with pytest.raises(EmulatorError, match="trace a shorter one"):
            trace.compare()


def test_too_many_muted_functions_are_refused(calls: tuple[Machine, Calls]) -> None:
    with pytest.raises(EmulatorError, match="too many"), Trace(calls[0], range(0, 200, 2)):
        pass

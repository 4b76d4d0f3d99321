# SPDX-License-Identifier: GPL-2.0-or-later
"""What is recorded is what was executed: compared with a hook on every instruction, and where a run is cut short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import capstone
import capstone.arm
import pytest
from unicorn import UC_HOOK_CODE

from emulator.board import AN386
from emulator.calls import Calls, CallStopped
from emulator.coverage import CoverageRecorder, Recording
from emulator.coverage_data import CoverageData, Edge
from emulator.debuginfo.branches import Code
from emulator.image import Image, load_image
from emulator.machine import Machine

Guest = tuple[Machine, Calls]


def _guest(path: Path) -> Guest:
    machine = Machine(AN386, load_image(path, AN386))
    return machine, Calls(machine)


@pytest.fixture
def guest(branching: Path) -> Iterator[Guest]:
    made = _guest(branching)
    yield made
    made[0].close()


def executed(data: CoverageData) -> Counter[int]:
    """Times by halfword."""
    times: Counter[int] = Counter()
    for (start, end), count in data.blocks().items():
        for address in range(start, end, 2):
            times[address] += count
    return times


def conditional(image: Image) -> set[int]:
    """Where instructions are that an If-Then block makes conditional: the hook sees them when their condition holds."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.detail = True
    code = Code(image)
    decoded = (i for start, end in code.ranges for i in decoder.disasm(code.bytes_at(start, end), start))
    return {i.address + half for i in decoded if i.cc != capstone.arm.ARM_CC_AL for half in range(0, i.size, 2)}


def test_instructions_and_edges_are_those_that_a_hook_on_each_instruction_sees(firmware: Path) -> None:
    machine, calls = _guest(firmware)
    seen: list[tuple[int, int]] = []
    machine.cpu.engine.hook_add(UC_HOOK_CODE, lambda _uc, address, size, _user: seen.append((address, size)))
    machine.cpu.forget_translations()
    with Recording(machine.task) as recording:
        calls.call("sha3_256", calls.buffer(32), calls.buffer(200), 200)
        data = recording.data
    machine.close()
    assert len(seen) > 5000
    expected = Counter(at for address, size in seen for at in range(address, address + size, 2))
    times = executed(data)
    assert {at for at in times.keys() | expected.keys() if times[at] != expected[at]} <= conditional(machine.image)
    assert times.keys() >= expected.keys()
    ways = Counter((address + size, following) for (address, size), (following, _) in pairwise(seen))
    gone: Counter[tuple[int, int]] = Counter()  # one end may belong to several blocks
    for edge, count in data.edges.items():
        if edge.start != AN386.return_pad.base:  # the last block: it waited
            gone[edge.end, edge.to] += count
    # The engine ends a long block anywhere, and goes on right behind: that is no way of the guest's.
    assert {way: count for way, count in gone.items() if way[0] != way[1]}.items() <= ways.items()
    assert all(count <= ways[way] for way, count in gone.items())


def test_a_branch_is_there_both_ways_once_both_were_gone(guest: Guest) -> None:
    machine, calls = guest
    pick = machine.image.symbols["pick"]
    with Recording(machine.task) as recording:
        calls.call("pick", 1)
        once = recording.data
        calls.call("pick", 5)
        twice = recording.data
    inside = {edge for edge in twice.edges if pick.address <= edge.start < pick.address + pick.size}
    assert inside - once.edges.keys()
    assert once.edges.keys() < twice.edges.keys()
    assert recording.data == twice, "it is kept when the recording ends"


def test_nothing_is_recorded_before_and_behind(guest: Guest) -> None:
    machine, calls = guest
    calls.call("pick", 1)
    with Recording(machine.task) as recording:
        assert recording.data.edges == {}
    calls.call("pick", 5)
    assert recording.data.edges == {}


def test_a_block_that_faults_on_its_way_is_not_counted(guest: Guest) -> None:
    machine, calls = guest
    with Recording(machine.task) as recording:
        with pytest.raises(CallStopped, match="not granted"):
            calls.call("stumbles", 0)
        assert recording.data.edges == {}
        calls.call("stumbles", calls.buffer(4))
    symbol = machine.image.symbols["stumbles"]
    assert executed(recording.data)[symbol.address] == 1
    # No way leads from where the first run stopped to where the second began.
    assert {edge.to for edge in recording.data.edges} == {AN386.return_pad.base, AN386.return_pad.base + 2}


def test_a_block_before_which_the_budget_ends_is_not_counted(firmware: Path) -> None:
    machine, calls = _guest(firmware)
    buffer = calls.buffer(4096)
    with Recording(machine.task) as recording:
        with pytest.raises(CallStopped):
            calls.call("memset", buffer, 1, 4096, budget=100)
        halfwords = executed(recording.data)
    machine.close()
    assert 0 < sum(halfwords.values()) <= 200


def test_waiting_ends_a_block(guest: Guest) -> None:
    machine, _ = guest
    machine.reset()
    with Recording(machine.task) as recording:
        for _ in range(3):
            machine.run(10_000)
    waits = {edge: times for edge, times in recording.data.edges.items() if edge.to == machine.cpu.registers().pc}
    assert sum(waits.values()) == 3
    assert all(machine.read(edge.end - 2, 2) == b"\x30\xbf" for edge in waits)


def test_many_edges_are_kept_apart(guest: Guest) -> None:
    """More than the table begins with: each address of a field of no-operations is entered from outside."""
    machine, _ = guest
    base, count = AN386.service.code.base + 0x10_0000, 20_000
    machine.write(base, b"\x70\x47" * count)  # bx lr
    with Recording(machine.task) as recording:
        for index in range(count):
            address = base + 2 * index
            machine.cpu.set_registers({"pc": address, "lr": AN386.return_pad.base | 1})
            machine.run(100)
    out = AN386.return_pad.base
    expected = {Edge(base + 2 * index, base + 2 * index + 2, out): 1 for index in range(count)}
    assert recording.data.edges == {**expected, Edge(out, out + 2, out + 2): count}


def test_a_recorder_merges_machines_by_image(branching: Path, firmware: Path) -> None:
    recorder = CoverageRecorder()
    (one, calls_one), (two, calls_two), (other, calls_other) = (
        _guest(path) for path in (branching, branching, firmware)
    )
    with recorder.watch(one.task, other.task):
        calls_one.call("pick", 1)
        calls_other.call("memset", calls_other.buffer(64), 1, 64)
        with recorder.watch(two.task):
            calls_two.call("pick", 5)
            meanwhile = recorder.data(one.image)
    for machine in (one, two, other):
        machine.close()
    alone = []
    for argument in (1, 5):
        machine, calls = _guest(branching)
        with Recording(machine.task) as recording:
            calls.call("pick", argument)
        alone.append(recording.data)
        machine.close()
    assert recorder.data(one.image) == meanwhile == alone[0].union(alone[1])
    memset = other.image.symbols["memset"]
    assert memset.address in executed(recorder.data(other.image))

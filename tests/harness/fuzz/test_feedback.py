# SPDX-License-Identifier: GPL-2.0-or-later
"""What guides a fuzzer (emulator/native/feedback.c): edges, states and operands of compares of a script."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from emulator.cpu import lib
from harness.fuzz import script as s
from harness.fuzz.executor import COUNTERS, Executor, Verdict
from harness.fuzz.script import Step
from harness.fuzz.seeds import encrypt, keygen
from harness.protocol import codec
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

UNKNOWN = 0x7F


def counters(executor: Executor, *steps: Step) -> tuple[bytes, bytes]:
    """The counters of edges and of states."""
    executor.clear_counters()
    executor.run(s.encode(steps))
    map = bytes(executor.counters)
    return map[: lib.CORE_EDGES], map[lib.CORE_EDGES :]


def test_edges_are_numbered_as_they_are_met(firmware: Path) -> None:
    with closing(Executor(EmulatedTarget(firmware))) as executor:
        assert len(executor.counters) == COUNTERS
        edges, _ = counters(executor, s.send(UNKNOWN))
        known = executor.edges
        assert 0 < known == len(edges.rstrip(b"\0"))
        assert 0 not in edges[:known]
        further, _ = counters(executor, *encrypt(1, b"", b"text"))
        assert executor.edges > known
        assert len(further.rstrip(b"\0")) == executor.edges
        assert counters(executor, s.send(UNKNOWN))[0] == edges


def test_an_edge_counts_up_to_2(executor: Executor) -> None:
    edges, _ = counters(executor, *encrypt(1, b"", bytes(200)))
    assert set(edges) == {0, 1, 2}
    again, _ = counters(executor, *encrypt(1, b"", bytes(400)))
    assert set(again) == {0, 1, 2}


def test_counters_add_up_until_they_are_cleared(executor: Executor) -> None:
    once, _ = counters(executor, s.send(UNKNOWN))
    executor.run(s.encode([s.send(UNKNOWN)]))
    twice = bytes(executor.counters)[: lib.CORE_EDGES]
    assert all(b == min(2, 2 * a) for a, b in zip(once, twice, strict=True))


def test_states_are_pairs_of_exchanges(executor: Executor) -> None:
    _, one = counters(executor, s.send(UNKNOWN))
    _, same = counters(executor, s.send(UNKNOWN - 1))
    _, two = counters(executor, s.send(UNKNOWN), *encrypt(1))
    _, other_order = counters(executor, *encrypt(1), s.send(UNKNOWN))
    assert sum(one) == 1
    assert same == one  # no type of the protocol: all are one
    assert sum(two) == 2
    assert two != other_order
    assert counters(executor) == (bytes(lib.CORE_EDGES), bytes(COUNTERS - lib.CORE_EDGES))


def test_compares_hold_the_operands_of_a_check(executor: Executor) -> None:
    """INVALID_HEADER comes of a compare of magic and version, KEY_NOT_FOUND of compares with the ids there are."""
    executor.run(s.encode([*s.literal(b"\xa9" + codec.encode_request(1)[1:]), s.send_raw()]))
    assert (0x01A9, 0x01C7) in {tuple(sorted((c.left, c.right))) for c in executor.compares}
    executor.run(s.encode(encrypt(0x0BAD_CAFE)))
    against = {c.left ^ c.right ^ 0x0BAD_CAFE for c in executor.compares if 0x0BAD_CAFE in (c.left, c.right)}
    assert {1, 2, 0x44, 0x512} <= against
    assert executor.run(b"") is Verdict.PASS
    assert executor.compares == []


def test_compares_of_one_place_do_not_push_out_others(executor: Executor) -> None:
    executor.run(s.encode([*keygen(0x512), s.repeat(3)]))  # loops of the same two places, 4 KiB apart, among it
    places = [compare.pc for compare in executor.compares]
    assert len(set(places)) > 50
    assert max(places.count(place) for place in set(places)) == 4 * len(executor.exchanges)  # 4 a request


def test_a_compare_says_whether_its_operands_were_equal_elsewhere_in_the_run(executor: Executor) -> None:
    """A loop's end was; a check that fails each time was not."""
    executor.run(s.encode([*s.literal(bytes(6)), s.claim(0x4321), s.send(table.AES_ENCRYPT.code)]))
    assert not any(c.looped for c in executor.compares if 0x4321 in (c.left, c.right))
    executor.run(s.encode(keygen(0x512)))
    met = {c.pc for c in executor.compares if c.looped}
    assert met
    assert met != {c.pc for c in executor.compares}
    executor.run(s.encode([s.send(0x7F)]))  # nothing is left of the run before
    assert len([c for c in executor.compares if c.looped and c.pc in met]) < len(met)


def test_numbers_that_chance_finds_are_no_compares(executor: Executor) -> None:
    executor.run(s.encode(keygen(0x512)))
    assert min(max(c.left, c.right) for c in executor.compares) >= 8

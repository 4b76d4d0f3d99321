# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from emulator import engine_facts
from emulator.engine_facts import FACTS, Fact, alignment, check_facts, guest, hooks, memory, running


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_fact_holds(fact: Fact) -> None:
    result = fact()
    assert result.measured
    # How fast something is depends on what else the machine does: `hil doctor` says so, no test does.
    assert result.holds or result.timed, f"{result.name}: {result.measured}"


def test_every_fact_is_listed_once() -> None:
    defined = {
        member
        for module in (alignment, hooks, memory, running)
        for member in vars(module).values()
        if getattr(member, "__module__", None) == module.__name__ and hasattr(member, "__wrapped__")
    }
    assert set(FACTS) == defined
    assert len(FACTS) == len(defined)


def test_names_and_reasons_are_given() -> None:
    results = check_facts()
    assert len({result.name for result in results}) == len(FACTS)
    assert all(result.measured for result in results)
    assert all(fact.__doc__ for fact in FACTS)


def test_a_fact_that_cannot_be_tested_does_not_hold() -> None:
    @guest.fact("the engine can do what it cannot")
    def impossible() -> tuple[bool, str]:
        guest.Guest(b"").engine.mem_read(guest.DEVICE, 4)
        return True, "read"

    result = impossible()
    assert not result.holds
    assert result.name == "the engine can do what it cannot"
    assert "UcError" in result.measured


def test_the_guest_reports_what_it_was_denied() -> None:
    device = guest.Guest(guest.thumb(0x6808, 0xBF30))  # ldr r0, [r1]; wfi
    del device.rights[guest.DEVICE >> 20]
    assert device.run(r1=guest.DEVICE) != 0
    assert device.refused == [(guest.DEVICE, guest.READ)]


def test_a_fill_is_harmless_when_the_if_then_state_is_cleared() -> None:
    """The remedy that the facts name, on an If-Then block that the end of a page divides."""
    # nop ..; cmp r0, r0; ite eq | streq r0, [r1]; movne r6, #1; b next; next: movs r3, #1; movs r4, #1; wfi
    divided = guest.thumb(*[0xBF00] * 0x1FE, 0x4280, 0xBF0C, 0x6008, 0x2601, 0xE7FF, 0x2301, 0x2401, 0xBF30)
    task = guest.Guest(divided)
    assert task.run(r1=guest.DATA) == 0
    assert (guest.CODE + guest.ENGINE_PAGE, guest.EXECUTE) in task.calls
    assert (task["r3"], task["r4"], task["r6"]) == (1, 1, 0)


def test_public_names() -> None:
    assert sorted(engine_facts.__all__) == ["FACTS", "Fact", "FactResult", "check_facts"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets put where they must not be are found, and those where they may be are not."""

from __future__ import annotations

import pytest

from harness.analysis.error import AnalysisError
from harness.analysis.exercise import ENTROPY, keys, noise
from harness.analysis.residue import ResidueSearch
from harness.model.secrets import Secret
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

KEY = Secret("AES key", noise("a key", 32))
CACHED = Secret("expanded key", noise("an expanded key", 64), ("key cache",))


@pytest.fixture
def booted(emulated: EmulatedTarget) -> EmulatedTarget:
    emulated.boot(ENTROPY, keys().build())
    return emulated


def address_of(target: EmulatedTarget, name: str) -> int:
    return next(s.address for s in target.image.all_symbols if s.name == name)


def test_clean_memory_has_no_hit(booted: EmulatedTarget) -> None:
    assert ResidueSearch(booted).search((KEY, CACHED)) == []


@pytest.mark.parametrize("name", ["message_buffer", "mldsa_working_memory", "open_slot", "cached_keys", "generator"])
def test_a_secret_in_a_variable_is_found_by_name(booted: EmulatedTarget, name: str) -> None:
    booted.machine.write(address_of(booted, name) + 5, KEY.value[8:24])
    hits = ResidueSearch(booted).search((KEY, CACHED))
    assert {(hit.secret, hit.owner) for hit in hits} == {("AES key", name)}
    assert f"{name}+0x" in hits[0].where


def test_a_secret_may_be_in_its_place_and_in_no_other(booted: EmulatedTarget) -> None:
    search = ResidueSearch(booted)
    booted.machine.write(address_of(booted, "cached_keys") + 100, CACHED.value)
    assert search.search((CACHED,)) == []
    booted.machine.write(address_of(booted, "generator"), CACHED.value[:48])
    assert {hit.owner for hit in search.search((CACHED,))} == {"generator"}


def test_dead_stack_is_told_by_its_depth(booted: EmulatedTarget) -> None:
    sp = booted.machine.cpu.registers().sp
    booted.machine.write(sp - 500, KEY.value)
    hits = ResidueSearch(booted).search((KEY,))
    assert hits[0].where.startswith("dead stack, 500 bytes below the stack pointer")
    assert {hit.owner for hit in hits} == {"dead stack"}


def test_the_window_behind_the_response_is_searched_and_the_request_is_not(booted: EmulatedTarget) -> None:
    window, search = booted.board.window.base, ResidueSearch(booted)
    booted.machine.write(window + table.WINDOW_REQUEST + 8, KEY.value)
    assert search.search((KEY,)) == []
    booted.machine.write(window + table.WINDOW_RESPONSE + 4, (100).to_bytes(4, "little"))
    booted.machine.write(window + table.WINDOW_RESPONSE + 8, KEY.value)
    assert search.search((KEY,)) == []
    booted.machine.write(window + table.WINDOW_RESPONSE + 4, (0).to_bytes(4, "little"))
    assert {hit.owner for hit in search.search((KEY,))} == {"window"}


def test_entropy_left_on_its_page_is_found(booted: EmulatedTarget) -> None:
    booted.machine.write(booted.board.entropy_page.base, ENTROPY)
    assert ResidueSearch(booted).search((Secret("entropy", ENTROPY),))


def test_registers_are_searched(booted: EmulatedTarget) -> None:
    booted.machine.cpu.set_registers({"r6": int.from_bytes(KEY.value[4:8], "little")})
    (hit,) = ResidueSearch(booted).search((KEY,))
    assert (hit.secret, hit.where, hit.address) == ("AES key", "register r6", None)


def test_another_firmware_names_its_own_variables(booted: EmulatedTarget) -> None:
    booted.machine.write(address_of(booted, "message_buffer"), CACHED.value)
    assert ResidueSearch(booted).search((CACHED,))
    assert not ResidueSearch(booted, {"key cache": ("message_buffer",)}).search((CACHED,))
    with pytest.raises(AnalysisError, match="is no place"):
        ResidueSearch(booted, {"attic": ()})  # type: ignore[dict-item]

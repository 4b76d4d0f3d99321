# SPDX-License-Identifier: GPL-2.0-or-later
"""A tape keeps what was asked, boot by boot, up to its bound."""

from __future__ import annotations

import pytest

from harness.tape import Tape, TapedExchange

EXCHANGE = TapedExchange(5, b"keys", b"request", b"answer")


def test_each_boot_begins_a_sequence() -> None:
    tape = Tape()
    tape.boot()
    tape.note(EXCHANGE)
    tape.note(EXCHANGE)
    tape.boot()
    tape.boot()
    tape.note(EXCHANGE)
    assert tape.sequences == [[EXCHANGE, EXCHANGE], [EXCHANGE]]


def test_a_sequence_has_an_end() -> None:
    tape = Tape(most=2)
    tape.boot()
    for _ in range(5):
        tape.note(EXCHANGE)
    assert tape.sequences == [[EXCHANGE, EXCHANGE]]


def test_nothing_is_asked_before_the_first_boot() -> None:
    with pytest.raises(ValueError, match="booted"):
        Tape().note(EXCHANGE)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The service under a debugger answers as it does everywhere, and can be interfered with and gone back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.gdbserver.timeline import Moment
from harness.debugging.debuggee import Debuggee
from harness.default_keys import ENTROPY, default_keys
from harness.model import Model
from harness.protocol import codec
from harness.protocol import commands as table
from harness.targets.base import TargetError, TargetStopped

REQUESTS = (
    codec.aes_encrypt(1, b"aad", b"plaintext"),
    codec.mlkem_keygen(0x768),
    codec.aes_decrypt(1, bytes(12), b"", b"", bytes(16)),
    codec.encode_request(0xEE),
)


@pytest.fixture
def debuggee(firmware: Path) -> Iterator[Debuggee]:
    made = Debuggee(firmware)
    made.boot(ENTROPY, default_keys().build())
    yield made
    made.close()


def test_it_answers_as_the_model(debuggee: Debuggee) -> None:
    model = Model(ENTROPY, default_keys().build())
    for request in REQUESTS:
        assert debuggee.exchange(request) == model.exchange(request, 0)


def test_what_was_answered_is_answered_again(debuggee: Debuggee) -> None:
    timeline = debuggee.timeline
    booted = timeline.now
    first = [debuggee.exchange(request) for request in REQUESTS]
    end = timeline.now
    timeline.go_to(booted)
    assert [debuggee.exchange(request) for request in REQUESTS] == first
    assert timeline.now == end
    timeline.go_to(Moment(0, 0))
    assert timeline.system.read(debuggee.board.entropy_page.base, 48) == bytes(48)


def test_a_byte_changes_right_after_it_was_read(debuggee: Debuggee) -> None:
    """The third byte of the header is the type: the service has fetched it once, and answers what it has fetched."""
    plain = debuggee.exchange(codec.encode_request(0xEE))
    debuggee.race(2, 0xFF)
    assert debuggee.exchange(codec.encode_request(0xEE)) == plain
    request = debuggee.board.window.base + table.WINDOW_REQUEST
    assert debuggee.timeline.system.read(request + 2, 1) == bytes((0xEE ^ 0xFF,))


def test_the_window_can_be_written_anywhere(debuggee: Debuggee) -> None:
    debuggee.write_window(table.WINDOW_RESPONSE + 100, b"scribble")
    window = debuggee.board.window.base
    assert debuggee.timeline.system.read(window + table.WINDOW_RESPONSE + 100, 8) == b"scribble"
    assert debuggee.exchange(REQUESTS[0]).payload


def test_budgets_bound_the_exchanges_one_by_one(firmware: Path) -> None:
    debuggee = Debuggee(firmware, budgets=[1_000_000, 100])
    debuggee.boot(ENTROPY, default_keys().build())
    debuggee.exchange(REQUESTS[0])
    begin = debuggee.timeline.now.count
    with pytest.raises(TargetStopped, match="not idle after 100 instructions"):
        debuggee.exchange(REQUESTS[0])
    assert debuggee.timeline.now.count == begin + 100
    debuggee.close()


def test_what_does_not_fit_is_refused(debuggee: Debuggee, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="does not fit"):
        debuggee.write_key_image(bytes(table.KEY_STORAGE_SIZE + 1))
    with pytest.raises(TargetError, match="the clock is a u64"):
        debuggee.set_clock(1 << 64)
    with pytest.raises(TargetError, match="no such firmware image"):
        Debuggee(tmp_path / "none.elf")

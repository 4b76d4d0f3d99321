# SPDX-License-Identifier: GPL-2.0-or-later
"""The greeting byte by byte, and what is none; the numbers that programs in other languages rely on."""

from __future__ import annotations

import pytest

from harness.protocol.device_socket import (
    GREETING_SIZE,
    MESSAGE_LIMIT,
    RING,
    DeviceMessageError,
    Greeting,
    Kind,
    Outcome,
    State,
)

READY = Greeting(State.READY, 0x23000, "/hil-0123456789abcdef", control=True)
READY_BYTES = b"HILD\1\0\0\0\0\x30\2\0\1\0\0\0/hil-0123456789abcdef" + bytes(48 - 21)


def test_the_bytes_of_a_greeting() -> None:
    assert READY.encode() == READY_BYTES
    assert Greeting.decode(READY_BYTES) == READY
    assert Greeting(State.BUSY).encode() == b"HILD\1\0\1\0" + bytes(56)
    assert GREETING_SIZE == 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        READY_BYTES[:-1],
        READY_BYTES + b"\0",
        b"X" + READY_BYTES[1:],
        READY_BYTES[:4] + b"\2" + READY_BYTES[5:],
        READY_BYTES[:6] + b"\x03" + READY_BYTES[7:],
        READY_BYTES[:16] + b"\xff" * 48,
    ],
    ids=["empty", "short", "long", "magic", "version", "state", "name"],
)
def test_what_is_no_greeting(data: bytes) -> None:
    with pytest.raises(DeviceMessageError, match="greeting"):
        Greeting.decode(data)


def test_numbers_do_not_change() -> None:
    assert {kind.name: kind.value for kind in Kind} == {"RING": 1, "SET_CLOCK": 2, "SET_KEYS": 3, "BOOT": 4}
    assert {outcome.name: outcome.value for outcome in Outcome} == {"WAITING": 0, "STOPPED": 1, "REFUSED": 2}
    assert RING == b"\1\0\0\0"
    assert MESSAGE_LIMIT == 4 + 0xB000

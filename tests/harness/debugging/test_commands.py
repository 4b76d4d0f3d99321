# SPDX-License-Identifier: GPL-2.0-or-later
"""`monitor request` and `monitor response`: by the protocol's names, with one line for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.gdbserver.monitor import commands, execute
from harness.debugging.commands import protocol_commands
from harness.debugging.debuggee import Debuggee
from harness.debugging.opening import at_power_on
from harness.protocol import commands as table

TABLE = commands(protocol_commands())
NEVER = 1 << 40


@pytest.fixture
def booted(firmware: Path) -> Iterator[Debuggee]:
    made = at_power_on(firmware)
    assert made.timeline.forward(NEVER).why == "idle"
    yield made
    made.close()


@pytest.mark.parametrize("command", table.COMMANDS, ids=[command.name for command in table.COMMANDS])
def test_every_operation_can_be_asked_for_and_is_answered(booted: Debuggee, command: table.Command) -> None:
    told = execute(TABLE, booted.timeline, f"request {command.name.lower()}")
    assert told.startswith(f"{command.name} is posted")
    assert "no sound answer" in execute(TABLE, booted.timeline, "response") or "magic is 0x00" in execute(
        TABLE, booted.timeline, "response"
    )
    assert booted.timeline.forward(NEVER).why == "idle"
    answer = execute(TABLE, booted.timeline, "response")
    assert f"request {command.name}, payload of" in answer
    assert "response " in answer


def test_fields_take_numbers_hexadecimal_text_and_zeros(booted: Debuggee) -> None:
    execute(TABLE, booted.timeline, "request AES_ENCRYPT key_id=0x2 aad=text:head plaintext=zeros:5")
    booted.timeline.forward(NEVER)
    answer = execute(TABLE, booted.timeline, "response")
    for line in ("key_id 2 (0x2)", "aad [4] 68 65 61 64", "plaintext [5] 00 00 00 00 00", "response SUCCESS"):
        assert line in answer


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("request", "request: name one of AES_ENCRYPT"),
        ("request nothing", "request: name one of AES_ENCRYPT"),
        (
            "request AES_ENCRYPT plaintext",
            "no FIELD=VALUE; fields are key_id, aad_length, aad, plaintext",
        ),
        ("request AES_ENCRYPT colour=1", "'colour=1' is no FIELD=VALUE"),
        ("request AES_ENCRYPT key_id=x", "key_id: 'x' is no number"),
        ("request AES_ENCRYPT key_id=0x100000000", "key_id 4294967296 does not fit"),
        ("request AES_ENCRYPT plaintext=zeros:-", "plaintext: 'zeros:-' is no number"),
        ("request AES_DECRYPT tag=00", "tag has 1 bytes: give 16"),
        ("request AES_ENCRYPT plaintext=zeros:65536", "is too long"),
    ],
)
def test_what_is_no_request_is_said_and_not_posted(booted: Debuggee, line: str, complaint: str) -> None:
    now = booted.timeline.now
    assert complaint in execute(TABLE, booted.timeline, line)
    assert booted.timeline.now == now
    assert "nothing was asked" in execute(TABLE, booted.timeline, "response")


def test_the_gateway_gets_jobs(firmware: Path) -> None:
    debuggee = at_power_on(firmware, gateway=True)
    debuggee.timeline.forward(NEVER)
    execute(TABLE, debuggee.timeline, "request AES_ENCRYPT plaintext=text:job")
    assert debuggee.timeline.forward(NEVER).why == "idle"
    answer = execute(TABLE, debuggee.timeline, "response")
    assert "request doorbell 1, response doorbell 1" in answer
    debuggee.close()

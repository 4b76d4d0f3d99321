# SPDX-License-Identifier: GPL-2.0-or-later
"""The first answer that is not the model's is found, and told with both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.fuzz import script as s
from harness.fuzz.difference import first_difference, operation
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.protocol import codec
from harness.protocol.commands import Status

SEALING = [*s.literal(bytes((1, 0, 0, 0, 0, 0)) + b"attack at dawn"), s.send(1)]
SCRIPT = s.encode([s.send(9), *SEALING, s.keys(2), s.clock(7), *SEALING, s.keys(0), *SEALING])


@pytest.fixture
def exchanges(executor: Executor) -> list[Exchange]:
    assert executor.run(SCRIPT) is Verdict.PASS
    return list(executor.exchanges)


def test_sound_answers_have_none(exchanges: list[Exchange]) -> None:
    assert len({exchange.payload for exchange in exchanges}) == 4
    assert first_difference(exchanges) is None


@pytest.mark.parametrize(
    ("byte", "location"),
    [
        (0, "AES_ENCRYPT nonce: other than expected, status SUCCESS"),
        (12, "AES_ENCRYPT ciphertext: other than expected, status SUCCESS"),
        (-1, "AES_ENCRYPT tag: other than expected, status SUCCESS"),
    ],
)
def test_the_field_is_named(exchanges: list[Exchange], byte: int, location: str) -> None:
    payload = bytearray(exchanges[2].payload)
    payload[byte] ^= 1
    exchanges[2] = replace(exchanges[2], payload=bytes(payload))
    difference = first_difference(exchanges)
    assert difference is not None
    assert difference.number == 3
    assert difference.location() == location
    text = difference.explain().splitlines()
    assert text[0].startswith("exchange 3, AES_ENCRYPT: payload: differs from byte ")
    assert text[1] == "  expected SUCCESS, 42 bytes"
    assert text[3] == "  answered SUCCESS, 42 bytes"
    assert text[2] != text[4]


def test_other_differences(exchanges: list[Exchange]) -> None:
    for change, location in (
        ({"payload": exchanges[1].payload[:-1]}, "AES_ENCRYPT payload_length: other than expected, status SUCCESS"),
        ({"status": Status.CRYPTO_ERROR, "payload": b""}, "AES_ENCRYPT status: expected SUCCESS, got CRYPTO_ERROR"),
        ({"image": 6}, "AES_ENCRYPT status: expected KEY_NOT_FOUND, got SUCCESS"),
    ):
        difference = first_difference([exchanges[0], replace(exchanges[1], **change)])
        assert difference is not None
        assert difference.location() == location
        assert difference.explain().startswith("exchange 2, ")


def test_operations() -> None:
    assert operation(codec.mlkem_keygen(3)) == "MLKEM_KEYGEN"
    assert operation(b"\xc7\x01\x7f") == "type 0x7f"
    assert operation(b"\xc7") == "no request"

# SPDX-License-Identifier: GPL-2.0-or-later
"""A reader sees steps, requests and responses with their fields."""

from __future__ import annotations

from dataclasses import replace

from harness.fuzz import script as s
from harness.fuzz.executor import Exchange, Executor, Verdict
from harness.fuzz.listing import listing

SCRIPT = s.encode(
    [
        *s.literal(bytes((1, 0, 0, 0, 3, 0)) + b"aad" + b"text"),
        s.send(1),
        s.clock(1500),
        s.keys(3),
        s.claim(4),
        s.fill(6, 9),
        s.send(0x22),
        *s.literal(b"\xc8\x01\x09\x02\x01\0\0\0x"),
        s.send_raw(),
        s.ring(),
    ]
)


def test_fields_have_names(executor: Executor) -> None:
    assert executor.run(SCRIPT) is Verdict.PASS
    text = listing(SCRIPT, [replace(exchange, instructions=7) for exchange in executor.exchanges])
    ciphertext = executor.exchanges[0].payload[12:16].hex(" ")
    assert "  2  send as AES_ENCRYPT\n" in text
    assert (
        "exchange 1, clock 0 us, key image 0\n"
        "  request AES_ENCRYPT, payload of 13 bytes\n"
        "    key_id 1 (0x1)\n"
        "    aad_length 3 (0x3)\n"
        "    aad [3] 61 61 64\n"
        "    plaintext [4] 74 65 78 74\n"
        "  response SUCCESS, payload of 32 bytes, 7 instructions\n"
        "    nonce [12] "
    ) in text
    assert f"    ciphertext [4] {ciphertext}\n    tag [16] " in text


def test_what_is_malformed_is_shown_as_bytes(executor: Executor) -> None:
    executor.run(SCRIPT)
    text = listing(SCRIPT, executor.exchanges)
    assert (
        "exchange 2, clock 1500 us, key image 3\n"
        "  request MLKEM_DECAPS, payload of 6 bytes, claims 4\n"
        "    09 09 09 09 09 09\n"
        "  response KEY_NOT_FOUND, payload of 0 bytes"
    ) in text
    assert "  request type 0x09, payload of 1 bytes\n    magic 0xc8, version 1, flags 0x02\n    78\n" in text
    assert "  request of 0 bytes: \n  response INVALID_HEADER, payload of 0 bytes" in text


def test_an_exchange_without_an_answer() -> None:
    exchange = Exchange(0, 0, b"\xc7\x01\x20\0\x04\0\0\0\x01\x02\0\0", 0, b"", 55)
    text = listing(b"", [exchange, exchange], unanswered=True)
    assert text.count("  response SUCCESS, payload of 0 bytes, 55 instructions\n") == 1
    assert text.endswith("    key_id 513 (0x201)\n  no sound answer, 55 instructions\n")

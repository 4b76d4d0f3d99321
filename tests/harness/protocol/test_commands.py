# SPDX-License-Identifier: GPL-2.0-or-later
"""The table against values written here by hand from the contract."""

from math import exp

import pytest

from harness.protocol import commands as table
from harness.protocol.commands import COMMANDS, Algorithm, Command, FieldKind, Status


def test_statuses() -> None:
    names = [
        "SUCCESS",
        "INVALID_HEADER",
        "INVALID_TYPE",
        "INVALID_PAYLOAD",
        "KEY_NOT_FOUND",
        "CRYPTO_ERROR",
        "DECRYPTION_FAILED",
        "RATE_LIMITED",
        "NONCE_REUSE",
        "PAYLOAD_TOO_LARGE",
    ]
    assert [(status.value, status.name) for status in Status] == list(enumerate(names))
    assert table.STATUS_MEANINGS.keys() == set(Status)


@pytest.mark.parametrize(
    ("code", "name", "request_fields", "response_fields", "minimum", "implemented"),
    [
        (0x01, "AES_ENCRYPT", "key_id u32, aad_length u16, aad, plaintext", "nonce[12], ciphertext, tag[16]", 6, True),
        (
            0x02,
            "AES_DECRYPT",
            "key_id u32, nonce[12], aad_length u16, aad, ciphertext, tag[16]",
            "plaintext",
            34,
            True,
        ),
        (0x10, "MLDSA_SIGN", "key_id u32, context_length u8, context, message", "signature", 5, True),
        (
            0x11,
            "MLDSA_VERIFY",
            "key_id u32, context_length u8, context, signature_length u16, signature, message",
            "",
            7,
            True,
        ),
        (0x20, "MLKEM_KEYGEN", "key_id u32", "encapsulation_key", 4, True),
        (0x21, "MLKEM_ENCAPS", "encapsulation_key", "ciphertext, shared_secret[32]", 0, True),
        (0x22, "MLKEM_DECAPS", "key_id u32, ciphertext", "shared_secret[32]", 4, True),
    ],
)
def test_command(
    code: int, name: str, request_fields: str, response_fields: str, minimum: int, implemented: bool
) -> None:
    command = table.BY_CODE[code]
    assert command is table.BY_NAME[name]
    assert ", ".join(field.text for field in command.request) == request_fields
    assert ", ".join(field.text for field in command.response) == response_fields
    assert command.minimum_payload == minimum
    assert command.implemented is implemented


def test_no_other_command() -> None:
    assert len(COMMANDS) == len(table.BY_CODE) == len(table.BY_NAME) == 7


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_fields_can_be_told_apart(command: Command) -> None:
    for fields in (command.request, command.response):
        names = [field.name for field in fields]
        assert len(set(names)) == len(names)
        assert sum(field.kind is FieldKind.REST for field in fields) <= 1
        for position, field in enumerate(fields):
            if field.kind is FieldKind.COUNTED:
                assert field.length_field in names[:position]


def test_instruction_bound() -> None:
    assert table.AES_ENCRYPT.bound.limit(100) == table.AES_DECRYPT.bound.limit(100) == 1_020_000


def test_aes_plaintext_limit() -> None:
    assert table.AES_PLAINTEXT_MAX == 65508


def test_window_layout() -> None:
    assert (table.WINDOW_REQUEST, table.WINDOW_RESPONSE, table.WINDOW_SIZE) == (0x1000, 0x12000, 0x23000)
    assert table.AREA_SIZE == 65544
    assert table.WINDOW_REQUEST + table.AREA_SIZE <= table.WINDOW_RESPONSE
    assert table.WINDOW_RESPONSE + table.AREA_SIZE <= table.WINDOW_SIZE


def test_key_storage_layout() -> None:
    assert table.KEY_STORAGE_MAGIC == b"HILK"
    assert 16 + 16 * 2640 <= table.KEY_STORAGE_SIZE == 0xB000
    longest = max(length for lengths in table.MATERIAL_LENGTHS.values() for length in lengths)
    assert longest == table.KEY_SLOT_MATERIAL_MAX == 2592
    assert 16 + longest + 32 == table.KEY_SLOT_STRIDE
    assert {algorithm.name: algorithm.value for algorithm in Algorithm} == {"AES": 1, "MLDSA": 2, "MLKEM": 3}


def test_filter_is_large_enough() -> None:
    """NON-3: false positives under 5e-4 at a full window, by the usual estimate for a Bloom filter."""
    filled = 1 - exp(-table.NONCE_FILTER_HASHES * table.NONCE_WINDOW / table.NONCE_FILTER_BITS)
    assert filled**table.NONCE_FILTER_HASHES < 5e-4

# SPDX-License-Identifier: GPL-2.0-or-later
"""What inputs reach: more lines with more inputs, answers counted by operation, failing inputs named."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.source_coverage import source_coverage
from harness.fuzz import script as s
from harness.fuzz.reached import Reached, run_corpus
from harness.fuzz.seeds import decrypt, encrypt
from harness.targets.base import TargetError
from harness.targets.names import DEFAULT_BOARD

UNKNOWN = s.encode([s.send(0x7F)])
SEALED = s.encode([*encrypt(1, b"", b"text"), *decrypt(1)])


def lines(reached: Reached, file: str) -> int:
    return source_coverage(reached.image, reached.data).file(file).line_share.hit


def test_lines_are_reached_by_the_inputs_that_ask_for_them(firmware: Path) -> None:
    little = run_corpus([UNKNOWN], firmware, DEFAULT_BOARD)
    much = run_corpus([UNKNOWN, SEALED], firmware, DEFAULT_BOARD)
    assert lines(little, "service/aes_decrypt.c") == 0
    assert lines(much, "service/aes_decrypt.c") > 10
    assert lines(little, "service/main.c") == lines(much, "service/main.c") > 10  # the boot is in it


def test_answers_are_counted_by_operation_and_status() -> None:
    reached = run_corpus([UNKNOWN, SEALED, SEALED], None, DEFAULT_BOARD)
    assert reached.answers == {
        "AES_ENCRYPT": {"SUCCESS": 2},
        "AES_DECRYPT": {"SUCCESS": 2},
        "other": {"INVALID_TYPE": 1},
    }
    assert (reached.inputs, reached.failed) == (3, ())


def test_inputs_that_fail_are_named(planted: Path) -> None:
    fault, hang = (s.encode(encrypt(key, b"", b"a text")) for key in (0x41, 0x42))
    reached = run_corpus([fault, SEALED, hang], planted, DEFAULT_BOARD)
    assert reached.failed == (fault, hang)
    assert reached.answers["AES_DECRYPT"] == {"SUCCESS": 1}


def test_there_has_to_be_an_image(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no such firmware image"):
        run_corpus([UNKNOWN], tmp_path / "none.elf", DEFAULT_BOARD)

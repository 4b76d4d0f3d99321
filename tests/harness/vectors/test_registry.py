# SPDX-License-Identifier: GPL-2.0-or-later
"""Every case has one executor, and no two primitives claim the same name."""

from __future__ import annotations

from harness.vectors.primitives.gcm import GcmEncrypt, GcmEncryptOperation
from harness.vectors.primitives.sha3 import HashCase, HashExecutor
from harness.vectors.questions import NotOffered, NotOfferedOperation
from harness.vectors.registry import PRIMITIVES, executor_of, operation_of


def test_no_name_is_claimed_twice() -> None:
    for claims in (
        [case for primitive in PRIMITIVES for case in primitive.executors],
        [question for primitive in PRIMITIVES for question in primitive.operations],
        [name for primitive in PRIMITIVES for name in primitive.wycheproof],
        [key for primitive in PRIMITIVES for key in primitive.acvp],
    ):
        assert len(claims) == len(set(claims))


def test_types_decide() -> None:
    assert isinstance(executor_of(HashCase("", "SHA3-256", b"", 0, b"")), HashExecutor)
    assert isinstance(operation_of(GcmEncrypt(b"", b"", b"", b"", 16)), GcmEncryptOperation)
    assert isinstance(operation_of(NotOffered("reason")), NotOfferedOperation)

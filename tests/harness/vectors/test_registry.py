# SPDX-License-Identifier: GPL-2.0-or-later
"""Every case has one executor, and no two primitives claim the same name."""

from __future__ import annotations

from harness.vectors.primitives.gcm import GcmEncryptCase, GcmEncryptExecutor, GcmMessage
from harness.vectors.registry import PRIMITIVES, executor_of


def test_no_name_is_claimed_twice() -> None:
    for claims in (
        [case for primitive in PRIMITIVES for case in primitive.executors],
        [name for primitive in PRIMITIVES for name in primitive.wycheproof],
        [key for primitive in PRIMITIVES for key in primitive.acvp],
    ):
        assert len(claims) == len(set(claims))


def test_the_executor_goes_by_the_type_of_the_case() -> None:
    case = GcmEncryptCase("", GcmMessage(b"", b"", b"", b"", b""), b"")
    assert isinstance(executor_of(case), GcmEncryptExecutor)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Agreement and disagreement of references."""

import pytest

from harness.model import ModelError
from harness.model.reference import ReferenceDisagreement, agree


def test_agreement() -> None:
    assert agree("operation", {"one": b"same", "other": b"same"}, {}) == b"same"
    assert agree("operation", {"one": False}, {}) is False


def test_disagreement_is_an_error_of_the_bench_in_one_line() -> None:
    with pytest.raises(ReferenceDisagreement) as caught:
        agree("ML-X verify", {"one": True, "other": False}, {"message": b"abc", "context": b""})
    # SHA3-256 of "abc" and of nothing: FIPS 202's examples.
    assert str(caught.value) == (
        "ML-X verify: one says True, other says False; given message 3 bytes sha3-256:3a985da74fe225b2, "
        "context 0 bytes sha3-256:a7ffc6f8bf1ed766: mend the bench before judging by this request"
    )
    assert isinstance(caught.value, ModelError)


def test_disagreement_shows_no_long_value() -> None:
    with pytest.raises(ReferenceDisagreement, match=r"one says 4000 bytes sha3-256:[0-9a-f]{16}, other says 2 bytes "):
        agree("operation", {"one": bytes(4000), "other": b"ab"}, {})

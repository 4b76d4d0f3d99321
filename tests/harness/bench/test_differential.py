# SPDX-License-Identifier: GPL-2.0-or-later
"""The figure can be measured; its value is not asserted."""

from pathlib import Path

import pytest

from harness.bench.differential import native_diff_rate
from harness.targets.base import TargetError


def test_the_rate_is_held_against_what_is_promised() -> None:
    figure = native_diff_rate(requests=200)
    assert (figure.goal, figure.at, figure.unit) == (20_000, "least", "requests/s")
    assert figure.value > 0


def test_without_the_library_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="make firmware"):
        native_diff_rate(tmp_path / "libservice.so")

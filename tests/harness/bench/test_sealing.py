# SPDX-License-Identifier: GPL-2.0-or-later
"""The figure can be measured, and is a ratio within one run; its value is not asserted."""

from pathlib import Path

import pytest

from harness.bench import sealing


def test_time_in_the_guest_is_held_against_the_whole(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "FILE_SIZE", 1000)
    figure = sealing.sealing_share(firmware, "an386")
    assert (figure.goal, figure.at, figure.unit) == (0.85, "least", "s")
    assert figure.ratio is not None
    assert 0 < figure.ratio < 1

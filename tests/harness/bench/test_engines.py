# SPDX-License-Identifier: GPL-2.0-or-later
"""The second engine's figures are rates by the first engine's, and bind nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import engines


def test_each_figure_has_the_first_engine_as_its_baseline(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROUNDS", "REFUSED", "STEPS"):
        monkeypatch.setattr(engines, name, 3)
    figures = engines.engine_figures(firmware, "an386")
    assert [figure.unit for figure in figures] == ["/s", "MIPS", "/s"]
    assert all(figure.name.startswith("icicle: ") and figure.baseline.startswith("emulated: ") for figure in figures)
    assert all(figure.value > 0 and figure.met and figure.goal is None for figure in figures)

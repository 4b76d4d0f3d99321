# SPDX-License-Identifier: GPL-2.0-or-later
"""The promised instruction counts hold. They are exact, so they can be asserted; the timed figures cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.bench.figure import Figure
from harness.bench.instructions import aes_instructions, mldsa_instructions, mldsa_memory, mlkem_instructions


@pytest.mark.parametrize("measure", [aes_instructions, mlkem_instructions, mldsa_instructions])
def test_the_promised_counts_are_met(firmware: Path, measure: Callable[[Path, str], tuple[Figure, ...]]) -> None:
    figures = measure(firmware, "an386")
    assert figures
    assert [(figure.name, figure.value) for figure in figures if not figure.met] == []


def test_signing_fits_its_memory(firmware: Path) -> None:
    assert mldsa_memory(firmware, "an386").met


def test_counts_are_repeatable(firmware: Path) -> None:
    assert mlkem_instructions(firmware, "an386") == mlkem_instructions(firmware, "an386")

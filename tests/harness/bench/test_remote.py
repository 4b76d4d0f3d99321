# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of the way to QEMU; how high they are is the machine's matter, not a test's."""

from pathlib import Path

import pytest

from harness.bench import remote
from harness.bench.remote import qemu_figures


def test_rate_and_round_trips(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ROUNDS", 2)
    monkeypatch.setattr(remote, "REPEAT", 20)
    rate, trips = qemu_figures(firmware, "an386")
    assert (rate.name, rate.goal, rate.at) == ("qemu refused exchanges/s", 800, "least")
    assert rate.value > 0
    # A look at a core that takes its time, on a busy machine, is a trip more.
    assert 2 <= trips.value < 4

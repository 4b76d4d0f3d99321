# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast requests are exchanged through a stub: refused ones, so that it is the way that is measured."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Final

from harness.bench.figure import Figure
from harness.default_keys import ENTROPY, default_keys
from harness.protocol import codec
from harness.protocol.commands import RATE_INTERVAL_US
from harness.targets.qemu import QemuTarget

ROUNDS: Final = 7
REPEAT: Final = 500
UNKNOWN_TYPE: Final = 0x7F
_GOAL: Final = 800


def qemu_figures(path: Path, board_name: str) -> tuple[Figure, ...]:
    """Exchanges a second with QEMU, the clock set before each, and what each takes of the way there and back.

    The rate is absolute, so it depends on the machine and on what else it does. Raises TargetError without QEMU.
    """
    target = QemuTarget(path, board_name)
    try:
        target.boot(ENTROPY, default_keys().build())
        request = codec.encode_request(UNKNOWN_TYPE)
        clock = 0
        rates = []
        before = target.stub.connection.round_trips
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for _ in range(REPEAT):
                clock += RATE_INTERVAL_US
                target.set_clock(clock)
                target.exchange(request)
            rates.append(REPEAT / (time.perf_counter() - begin))
        trips = (target.stub.connection.round_trips - before) / (ROUNDS * REPEAT)
    finally:
        target.close()
    return (
        Figure("qemu refused exchanges/s", median(rates), "exchanges/s", "", None, _GOAL, "least"),
        Figure("qemu refused exchange, round trips", trips, "round trips", "", None, 2.5),
    )

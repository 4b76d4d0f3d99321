# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the second engine is, told beside the first of the same run; nothing is promised of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from harness.bench.figure import Figure
from harness.default_keys import ENTROPY
from harness.protocol import codec, key_image
from harness.protocol.commands import RATE_INTERVAL_US
from harness.protocol.key_image import KeyImage
from harness.targets.emulated import EmulatedTarget
from harness.targets.icicle import IcicleTarget

ROUNDS = 7
REFUSED = 2_000
STEPS = 20_000
_UNKNOWN_TYPE = 0x7F
_KEYS = KeyImage((key_image.aes_slot(1, bytes(32)),)).build()
_PLAINTEXT = bytes(60 * 1024)

Engine = EmulatedTarget | IcicleTarget


class _Session:
    """A booted engine whose clock moves on with each request."""

    def __init__(self, target: Engine) -> None:
        self.target = target
        self._now = 0
        target.boot(ENTROPY, _KEYS)

    def exchange(self, request: bytes) -> None:
        self.tick()
        self.target.exchange(request)

    def tick(self) -> None:
        self._now += RATE_INTERVAL_US
        self.target.set_clock(self._now)

    def refused_rate(self) -> float:
        """Refused requests a second."""
        request = codec.encode_request(_UNKNOWN_TYPE)

        def refused() -> None:
            for _ in range(REFUSED):
                self.exchange(request)

        return REFUSED / _seconds(refused)

    def speed(self) -> float:
        """Millions of guest instructions a second, over the encryption of 60 KiB."""
        request = codec.aes_encrypt(1, b"", _PLAINTEXT)
        seconds = _seconds(lambda: self.exchange(request))
        return self.target.machine.instructions / seconds / 1e6

    def step_rate(self) -> float:
        """Single steps a second, with a look at the registers behind each."""

        def walk() -> None:
            self.target.boot(ENTROPY, _KEYS)
            self.tick()
            self.target.begin(codec.aes_encrypt(1, b"", b"text"))
            for _ in range(STEPS):
                self.target.step()
                self.target.registers()

        return STEPS / _seconds(walk)


def engine_figures(path: Path, board_name: str) -> tuple[Figure, ...]:
    """Icicle's rates; each baseline is the emulated target's."""
    targets: tuple[Engine, Engine] = IcicleTarget(path, board_name), EmulatedTarget(path, board_name)
    try:
        icicle, emulated = (_Session(target) for target in targets)
        measured = (
            ("icicle: refused requests", "/s", icicle.refused_rate(), emulated.refused_rate()),
            ("icicle: guest speed, AES-256-GCM", "MIPS", icicle.speed(), emulated.speed()),
            ("icicle: single steps", "/s", icicle.step_rate(), emulated.step_rate()),
        )
    finally:
        for target in targets:
            target.close()
    return tuple(
        Figure(name, value, unit, f"emulated: {baseline:.0f} {unit}", value / baseline, None)
        for name, unit, value, baseline in measured
    )


def _seconds(action: Callable[[], object]) -> float:
    """Median over ROUNDS, the first of which compiles and does not count."""
    rounds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        action()
        rounds.append(time.perf_counter() - begin)
    return statistics.median(rounds[1:])

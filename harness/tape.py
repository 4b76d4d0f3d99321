# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client and a key manager did to the service, boot by boot, as plain values that others can make use of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TapedExchange:
    """One exchange: clock in microseconds, key storage at that moment, bytes of the request area, answered payload."""

    clock: int
    key_image: bytes
    request: bytes
    payload: bytes


class Tape:
    """Records exchanges; each boot begins a sequence, of which the first `most` exchanges are kept."""

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._sequences: list[list[TapedExchange]] = []

    @property
    def sequences(self) -> Sequence[Sequence[TapedExchange]]:
        """What was recorded, without boots behind which nothing was asked."""
        return [sequence for sequence in self._sequences if sequence]

    def boot(self) -> None:
        """Begin a sequence."""
        self._sequences.append([])

    def note(self, exchange: TapedExchange) -> None:
        """Add to the sequence that runs. Raises ValueError before the first boot."""
        if not self._sequences:
            raise ValueError("nothing has booted yet")
        if len(self._sequences[-1]) < self._most:
            self._sequences[-1].append(exchange)

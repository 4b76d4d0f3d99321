# SPDX-License-Identifier: GPL-2.0-or-later
"""CMSDK APB UART, transmit side: what the firmware prints is captured, nothing is ever received."""

from __future__ import annotations

# Register offsets and the bits of STATE from the Cortex-M System Design Kit manual, chapter 4.3.
DATA = 0x000
STATE = 0x004
TRANSMIT_FULL = 1 << 0

CAPTURE_LIMIT = 64 * 1024


class Uart:
    """Captures transmitted bytes, at most CAPTURE_LIMIT of them; what comes behind is counted and dropped."""

    def __init__(self) -> None:
        self.captured = bytearray()
        self.dropped = 0

    def read(self, offset: int, size: int) -> int:
        """Every register reads 0: the transmitter is never full, the receiver always empty."""
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """A byte written to DATA is captured; control registers have nothing to control."""
        if offset != DATA:
            return
        if len(self.captured) < CAPTURE_LIMIT:
            self.captured.append(value & 0xFF)
        else:
            self.dropped += 1

    def text(self) -> str:
        """What has been printed, undecodable bytes as escapes."""
        return self.captured.decode("utf-8", "backslashreplace")

    def reset(self) -> None:
        """Forget what has been captured."""
        self.captured.clear()
        self.dropped = 0

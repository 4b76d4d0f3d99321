# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel info page: what the microkernel tells every task, read-only to all of them."""

from __future__ import annotations

import struct

# The magic is the one of the L4 kernel info page; the layout is the service's own (docs/protocol.md).
MAGIC = 0x4BE6344C
VERSION = 1
CLOCK_OFFSET = 8
CLOCK_LIMIT = 1 << 64

_store_clock = struct.Struct("<Q").pack_into


class KernelPage:
    """Writes the page's fields into host memory that a task sees read-only."""

    def __init__(self, page: memoryview) -> None:
        self._page = page
        self.now = 0

    def reset(self, now: int = 0) -> None:
        """Fill the page as the kernel does at boot."""
        struct.pack_into("<II", self._page, 0, MAGIC, VERSION)
        self.set_clock(now)

    def set_clock(self, now: int) -> None:
        """Set the clock, in microseconds. Any step is allowed, also back: a guest has to cope with it."""
        _store_clock(self._page, CLOCK_OFFSET, now)
        self.now = now

# SPDX-License-Identifier: GPL-2.0-or-later
"""A task's control page: one page, read-write, that the task shares with the kernel alone.

| offset | field | meaning |
| --- | --- | --- |
| 0 | `wake_at` u64, little-endian | when the task wants to be woken, in microseconds of the kernel clock; 0: never |

A task writes `wake_at` and then waits in WFI. The kernel reads it once, when the task has begun to wait, and sets it to
0 when it wakes the task, whatever for: a timeout holds for one wait. Where no kernel runs, nobody reads the page, and
the tick that ends a WFI lets the task look at the clock by itself.
"""

from __future__ import annotations

import struct

WAKE_AT = 0
NEVER = 0

_WORD = struct.Struct("<Q")


class Utcb:
    """The kernel's view of a task's control page."""

    def __init__(self, page: memoryview) -> None:
        self._page = page

    @property
    def wake_at(self) -> int:
        """When the task wants to be woken, NEVER where it does not say."""
        return int(_WORD.unpack_from(self._page, WAKE_AT)[0])

    def clear(self) -> None:
        """The task has been woken."""
        _WORD.pack_into(self._page, WAKE_AT, NEVER)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Dataspaces: named memory that tasks are granted."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

from emulator.board import Region


@dataclass(frozen=True, slots=True, eq=False)
class Dataspace:
    """Zero-filled host memory with a name and a place on the board; `region.access` is the most that a task can get.

    Every task sees it at the same address, its place on the board, and all of them over the same host memory: what one
    writes the others read, without a copy.
    """

    region: Region
    memory: memoryview = field(repr=False)

    @property
    def name(self) -> str:
        """The region's name."""
        return self.region.name

    def fill(self, value: int) -> None:
        """Set every byte; the host's right, whatever the tasks' rights are."""
        ctypes.memset((ctypes.c_char * self.region.size).from_buffer(self.memory), value, self.region.size)

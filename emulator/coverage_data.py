# SPDX-License-Identifier: GPL-2.0-or-later
"""What of an image was executed, as a plain value: merged over machines and processes, kept in a small file.

The file is a line of text, `hil-bench coverage 1 SHA256 COUNT`, and COUNT records of 20 bytes, little-endian: block
start, block end, next block's start (u32 each), times (u64).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from emulator.errors import EmulatorError

_RECORD = struct.Struct("<IIIQ")
_HEADER = re.compile(rb"hil-bench coverage 1 ([0-9a-f]{64}) (\d{1,7})\n")
_HEADER_SIZE = 128
_BLOCK_SIZE_MAX = 4096  # the engine's blocks end with its pages
_AGAIN = "record it again"


class CoverageError(EmulatorError):
    """A file that holds no coverage, or coverage of another image."""


class Edge(NamedTuple):
    """The basic block from `start` to before `end`, executed to its end, and `to`, where the next block began.

    A block that waited (WFI) went to the address behind it.
    """

    start: int
    end: int
    to: int


@dataclass(frozen=True, slots=True)
class CoverageData:
    """How often each edge was taken in executions of one image; edges that were not are not in it."""

    image_sha256: str
    edges: Mapping[Edge, int] = field(repr=False)

    def blocks(self) -> dict[tuple[int, int], int]:
        """Start and end of each block that was executed, and how often, by address."""
        times: dict[tuple[int, int], int] = {}
        for edge, count in sorted(self.edges.items()):
            block = (edge.start, edge.end)
            times[block] = times.get(block, 0) + count
        return times

    def union(self, *others: CoverageData) -> CoverageData:
        """What was executed in any of them, times added. Raises CoverageError where they are of different images."""
        edges = dict(self.edges)
        for other in others:
            if other.image_sha256 != self.image_sha256:
                one, two = self.image_sha256[:12], other.image_sha256[:12]
                raise CoverageError(
                    f"coverage of image {one} and of image {two} cannot be merged; {_AGAIN} of one image"
                )
            for edge, count in other.edges.items():
                edges[edge] = edges.get(edge, 0) + count
        return CoverageData(self.image_sha256, edges)


def save(data: CoverageData, path: Path) -> None:
    """Write the file; on an error nothing is left at `path` but what was there before. Raises OSError."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    header = f"hil-bench coverage 1 {data.image_sha256} {len(data.edges)}\n".encode("ascii")
    records = b"".join(_RECORD.pack(*edge, times) for edge, times in sorted(data.edges.items()))
    try:
        unfinished.write_bytes(header + records)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path) -> CoverageData:
    """Read a file that `save` wrote. Raises CoverageError, in one line, for anything else."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CoverageError(f"{path}: cannot be read ({error.strerror}); check path and permissions") from error
    header = _HEADER.match(content[:_HEADER_SIZE])
    if header is None:
        raise CoverageError(f"{path}: is no coverage of format 1; {_AGAIN} with this version")
    records = content[header.end() :]
    count = int(header[2])
    if len(records) != count * _RECORD.size:
        raise CoverageError(f"{path}: {len(records)} bytes for {count} edges, the file is damaged; {_AGAIN}")
    edges: dict[Edge, int] = {}
    for start, end, to, times in _RECORD.iter_unpack(records):
        if (start | end | to) & 1 or not 0 < end - start <= _BLOCK_SIZE_MAX or not times:
            raise CoverageError(f"{path}: no block goes from {start:#x} to {end:#x}, the file is damaged; {_AGAIN}")
        edges[Edge(start, end, to)] = times
    if len(edges) != count:
        raise CoverageError(f"{path}: holds an edge twice, the file is damaged; {_AGAIN}")
    return CoverageData(header[1].decode("ascii"), edges)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Recording what tasks execute: exact basic blocks and the ways between them, in the native core.

The release image runs as it is. Code that was translated before is translated anew when recording begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from emulator.coverage_data import CoverageData, Edge
from emulator.cpu import ffi, lib
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.task import Task


class Recording:
    """One task's coverage, while the `with` block lasts; it has to end before the task is closed.

    Raises EmulatorError when there is no memory.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._coverage: object = ffi.NULL
        self._edges: dict[Edge, int] = {}

    def __enter__(self) -> Recording:
        self._coverage = self._task.cpu.start_coverage()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._edges = self._read()
        finally:
            lib.core_coverage_free(self._coverage)
            self._coverage = ffi.NULL

    @property
    def data(self) -> CoverageData:
        """What was executed since recording began; between two runs, or when it has ended."""
        edges = self._edges if self._coverage == ffi.NULL else self._read()
        return CoverageData(self._task.image.sha256, edges)

    def _read(self) -> dict[Edge, int]:
        count = lib.core_coverage_edges(self._coverage, ffi.NULL, 0)
        raw = ffi.new("struct core_edge[]", count)
        lib.core_coverage_edges(self._coverage, raw, count)
        if lib.core_coverage_overflow(self._coverage):
            raise EmulatorError("no memory for all the coverage that was to be recorded")
        return {Edge(e.start, e.end, e.to): e.times for e in raw}


class CoverageRecorder:
    """Collects what several machines execute, by image."""

    def __init__(self) -> None:
        self._finished: dict[str, CoverageData] = {}
        self._running: list[Recording] = []

    @contextmanager
    def watch(self, *tasks: Task) -> Iterator[None]:
        """Record these tasks while the block lasts; they are closed behind it."""
        with ExitStack() as stack:
            recordings = [stack.enter_context(Recording(task)) for task in tasks]
            self._running += recordings
            try:
                yield
            finally:
                for recording in recordings:
                    self._running.remove(recording)
                    self._keep(recording.data)

    def data(self, image: Image) -> CoverageData:
        """What was executed of `image` so far, wherever it ran."""
        kept = self._finished.get(image.sha256, CoverageData(image.sha256, {}))
        running = (recording.data for recording in self._running)
        return kept.union(*(data for data in running if data.image_sha256 == image.sha256))

    def _keep(self, data: CoverageData) -> None:
        before = self._finished.get(data.image_sha256)
        self._finished[data.image_sha256] = data if before is None else before.union(data)

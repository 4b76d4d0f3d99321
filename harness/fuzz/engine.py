# SPDX-License-Identifier: GPL-2.0-or-later
"""An executor handed to the native side of the engines, which then run inputs without Python."""

from __future__ import annotations

import mmap
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import emulator.cpu
from harness.fuzz.executor import COUNTERS, Executor, Verdict
from harness.fuzz.native import _engine
from harness.fuzz.seeds import counted_fields, snippets, tokens
from harness.protocol import commands as table
from harness.protocol.commands import Status

ffi, lib = _engine.ffi, _engine.lib

Report = Callable[[Verdict, bytes], None]

STATS_SIZE: Final = int(ffi.sizeof("struct engine_stats"))
LAST_RUN_SIZE: Final = int(ffi.sizeof("struct engine_last"))


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine has done so far; `reached` counts exchanges by type code and status."""

    executions: int = 0
    findings: int = 0
    edges: int = 0
    last_new_edge: int = 0
    reached: tuple[tuple[int, int, int], ...] = ()

    def of(self, code: int, status: Status) -> int:
        """Exchanges of a type with an answer of a status."""
        return sum(count for type, answered, count in self.reached if (type, answered) == (code, status))


class StatsFile:
    """Statistics in a file that the engine's process writes and another one reads while it runs."""

    def __init__(self, path: Path, create: bool = False) -> None:
        if create:
            path.write_bytes(bytes(STATS_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), STATS_SIZE)
        self._buffer = ffi.from_buffer(self._map, require_writable=True)
        self.native = ffi.cast("struct engine_stats *", self._buffer)

    def read(self) -> Stats:
        """The numbers as they are now."""
        s = self.native
        reached = tuple(
            (code, status, int(s.reached[code][status]))
            for code in range(256)
            for status in range(16)
            if s.reached[code][status]
        )
        return Stats(int(s.executions), int(s.findings), int(s.edges), int(s.last_new_edge), reached)

    def close(self) -> None:
        """Let go of the file."""
        ffi.release(self._buffer)
        self._map.close()


def read_stats(path: Path) -> Stats:
    """What a worker has counted so far; nothing before it does."""
    if not path.is_file() or path.stat().st_size == 0:
        return Stats()
    file = StatsFile(path)
    try:
        return file.read()
    finally:
        file.close()


class Engine:
    """The process's one engine, on an executor. `report` is told of findings that look new, in the middle of a run."""

    def __init__(self, executor: Executor, stats: StatsFile, report: Report | None = None, raw: bool = False) -> None:
        self._keep: list[Any] = [executor, stats]
        native = ffi.new("struct engine *")
        core = executor.target.machine.cpu.native
        native.executor, native.core = _pointer(executor.native), _pointer(core)
        for field, function in (
            ("run", "executor_run"),
            ("key", "executor_key"),
            ("compares", "core_compares"),
            ("exchanges", "executor_exchanges"),
            ("edges", "core_edge_count"),
            ("cost", "executor_instructions"),
            ("feedback", "core_feedback"),
        ):
            address = _pointer(emulator.cpu.ffi.addressof(emulator.cpu.lib, function))
            setattr(native, field, ffi.cast(ffi.typeof(getattr(native, field)), address))
        native.counters, native.counter_count = ffi.cast("uint8_t *", _pointer(executor.counters)), COUNTERS
        native.stats, native.raw = stats.native, raw
        self._executor, self._report = executor, report
        if report is not None:
            handle = ffi.callback("void(int, const uint8_t *, size_t)", self._tell)
            native.report = handle
            self._keep.append(handle)
        executor.count_into(int(ffi.cast("uintptr_t", ffi.addressof(native.stats, "reached"))))
        self._keep.append(native)
        lib.engine_use(native)
        self._use_texts(snippets(), tokens())

    def _tell(self, verdict: int, data: Any, size: int) -> None:
        """A finding, or an oracle that fails: nothing judges then, and the process has no caller that could be told."""
        if self._executor.failure is not None:
            traceback.print_exception(self._executor.failure)
            os._exit(1)
        assert self._report is not None
        self._report(Verdict(verdict), ffi.buffer(data, size)[:])

    def _use_texts(self, whole: Sequence[bytes], parts: Sequence[bytes]) -> None:
        arrays = []
        for texts in (whole, parts):
            array = ffi.new("struct engine_text[]", len(texts))
            for entry, text in zip(array, texts, strict=True):
                entry.bytes, entry.size = ffi.from_buffer("uint8_t[]", text), len(text)
                self._keep.append(entry.bytes)
            arrays.append(array)
        self._keep += [arrays, whole, parts]
        counts = ffi.new("struct engine_count[]", counted_fields())
        self._keep.append(counts)
        lib.mutator_use_counts(counts, len(counts))
        lib.mutator_use(arrays[0], len(whole), arrays[1], len(parts))

    def execute(self, script: bytes) -> Verdict:
        """Run one input as an engine does."""
        return Verdict(lib.engine_execute(script, len(script)))


def _pointer(other: Any) -> Any:
    """A pointer of the emulator's binding as one of this module's."""
    return ffi.cast("void *", int(emulator.cpu.ffi.cast("uintptr_t", other)))


def reached_text(stats: Stats) -> dict[str, dict[str, int]]:
    """Exchanges by operation and status, by name; codes that no operation has are together under `other`."""
    out: dict[str, dict[str, int]] = {}
    for code, status, count in stats.reached:
        command = table.BY_CODE.get(code)
        row = out.setdefault(command.name if command else "other", {})
        name = Status(status).name if status in set(Status) else f"{status:#04x}"
        row[name] = row.get(name, 0) + count
    return out

# SPDX-License-Identifier: GPL-2.0-or-later
"""A system run under control: breakpoints, watchpoints, single steps, and an exact count of instructions.

The count goes over all tasks, so that a moment in the life of a system, which is deterministic, is one number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from emulator.cpu import ffi, lib
from emulator.errors import EmulatorError
from emulator.l4.scheduler import FaultReport
from emulator.l4.system import System
from emulator.stop import Fault, LimitReached

WatchKind = Literal["write", "read", "access"]
Why = Literal["limit", "step", "breakpoint", "watchpoint", "idle", "fault", "interrupt", "start"]

_ACCESS: Final[dict[WatchKind, int]] = {
    "write": lib.CORE_WRITE,
    "read": lib.CORE_READ,
    "access": lib.CORE_READ | lib.CORE_WRITE,
}
_WHY: Final[dict[int, Why]] = {
    lib.DEBUG_LIMIT: "limit",
    lib.DEBUG_STEP: "step",
    lib.DEBUG_BREAKPOINT: "breakpoint",
    lib.DEBUG_WATCHPOINT: "watchpoint",
}
_NO_BUDGET: Final = (1 << 63) - 1  # a run is bounded by its limit, which is exact


@dataclass(frozen=True, slots=True)
class Watchpoint:
    """Accesses of one kind to `size` bytes at `address`."""

    address: int
    size: int
    kind: WatchKind


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a run ended, and which task had its turn.

    `at` is the count before the instruction that hit a point; it has not run at a breakpoint, and has at a watchpoint,
    whose accessed byte is `address`. `fault` is what a task did; the instruction has not run. With `inside` it is one
    of an If-Then block, which counts as one instruction: the task stands within it, behind a part of it.
    """

    why: Why
    task: str
    at: int = 0
    address: int = 0
    watch: WatchKind = "write"
    fault: Fault | None = None
    inside: bool = False


class Stepper:
    """The native debugger, attached to all tasks of a system; `points` of both kinds hold until they are changed."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._names = tuple(system.tasks)
        self._watchpoints: tuple[Watchpoint, ...] = ()
        self._native: Any = lib.debugger_new()
        if self._native == ffi.NULL:
            raise EmulatorError("no memory for a debugger")
        for task in system.tasks.values():
            if not lib.debugger_attach(self._native, task.cpu.native):
                self.close()
                raise EmulatorError(f"a debugger is for {lib.DEBUG_CORES} tasks at most")
        self.last = self._names[0]  # the task that had the last turn that was interrupted

    def close(self) -> None:
        """Take the debugger away; the system runs on without it."""
        if self._native != ffi.NULL:
            lib.debugger_free(self._native)
            self._native = ffi.NULL

    @property
    def count(self) -> int:
        """Instructions that all tasks have executed."""
        return int(lib.debugger_count(self._native))

    @count.setter
    def count(self, count: int) -> None:
        lib.debugger_set_count(self._native, count)

    def set_points(self, breakpoints: Iterable[int], watchpoints: Iterable[Watchpoint]) -> None:
        """Put these in the place of all others. Raises EmulatorError for too many; then there are none."""
        lib.debugger_clear_points(self._native)
        self._watchpoints = tuple(watchpoints)
        set_all = all(lib.debugger_breakpoint(self._native, address) for address in breakpoints) and all(
            lib.debugger_watchpoint(self._native, point.address, point.size, _ACCESS[point.kind])
            for point in self._watchpoints
        )
        if not set_all:
            self.set_points((), ())
            raise EmulatorError(f"{lib.DEBUG_POINTS} breakpoints and as many watchpoints are all there can be")

    def run(
        self, limit: int, *, step: str | None = None, collect: bool = False, told: frozenset[Why] = frozenset()
    ) -> Halt:
        """Run until a point is hit, a task faults, all tasks wait, or the count is `limit`.

        `told` are the kinds of points that the first instruction is no hit of. `step` names a task to stop behind one
        instruction of. With `collect` points do not stop the run: the Halt is that of the last one hit, `limit` where
        none was.
        """
        number = self._names.index(step) if step is not None else -1
        passed = ("breakpoint" in told, "watchpoint" in told)
        lib.debugger_begin(self._native, ffi.new("struct debug_run *", (limit, number, collect, *passed)))
        hit = ffi.new("struct debug_hit *")
        while True:
            outcome = self.system.run(_NO_BUDGET, turns=1)
            lib.debugger_hit(self._native, hit)
            if outcome.reports:
                halt = self._faulted(outcome.reports[0])
                return halt if not collect else self._halt(hit, "limit")
            if outcome.at is not None:
                self.last = outcome.at[0]
                return self._halt(hit, "limit")
            if outcome.why == "quiet" or (hit.why == lib.DEBUG_WATCHPOINT and not collect):
                return self._halt(hit, "limit" if collect else "idle")

    def _halt(self, hit: Any, otherwise: Why) -> Halt:
        if hit.why == lib.DEBUG_NOTHING:
            return Halt(otherwise, self.last, self.count)
        watch: WatchKind = self._watchpoints[hit.point].kind if hit.why == lib.DEBUG_WATCHPOINT else "write"
        owner = self.last if hit.why == lib.DEBUG_LIMIT else self._names[hit.core]
        return Halt(_WHY[hit.why], owner, hit.at, hit.address, watch)

    def _faulted(self, report: FaultReport) -> Halt:
        """The task stands before the instruction that faulted, and would begin it again."""
        name, stop = report.task, report.stop
        if isinstance(stop, LimitReached):
            raise EmulatorError(f"task {name} has used up its budget under a debugger: {stop}")
        self.last = name
        inside = False
        if stop.kind != "execution not granted":  # then the jump to there was the last instruction, and it was done
            inside = lib.debugger_take_back(self._native, self._names.index(name))
        self.system.scheduler.interrupt(name)
        return Halt("fault", name, self.count, stop.address or 0, fault=stop, inside=inside)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which task runs: cooperative, in turns, each until it waits in WFI; with signals, timeouts and faults."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from emulator.board import PAGE_SIZE
from emulator.errors import EmulatorError
from emulator.l4.kernel_page import KernelPage
from emulator.l4.task import State, Task
from emulator.l4.utcb import NEVER, WAKE_AT, Utcb
from emulator.stop import IDLE, Breakpoint, Fault, LimitReached

TURNS: Final = 1_000_000
_WORD_SIZE = 4


class Memory(Protocol):
    """Where the scheduler finds signal words and control pages."""

    def view(self, address: int, size: int) -> memoryview: ...


@dataclass(frozen=True, slots=True)
class Signal:
    """A task that waits is woken when the u32 at `address` is no longer what it was when the task last woke up."""

    task: str
    address: int


@dataclass(frozen=True, slots=True)
class FaultReport:
    """A task that was stopped, and why: a fault, or a budget used up. The other tasks go on."""

    task: str
    stop: Fault | LimitReached

    def __str__(self) -> str:
        return f"task {self.task}: {self.stop}"

    def report(self) -> str:
        """Several lines for a fault: task, kind, address, registers, call chain, last branches."""
        return f"task {self.task}: {self.stop.report() if isinstance(self.stop, Fault) else self.stop}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of the system ended.

    `quiet`: every task waits, for a signal or for a time behind `until`, or is stopped; `turns`: the turns are used up;
    `breakpoint`: the task `at[0]` is at the breakpoint `at[1]`. `reports` holds the tasks that were stopped on the way.
    """

    why: Literal["quiet", "turns", "breakpoint"]
    turns: int
    reports: tuple[FaultReport, ...] = ()
    at: tuple[str, Breakpoint] | None = None


@dataclass(frozen=True, slots=True)
class SeatState:
    """One task: its state, the signal words that it has seen, when it wants to be woken."""

    task: State
    seen: tuple[int, ...]
    wake_at: int


@dataclass(frozen=True, slots=True)
class SchedulerState:
    """All tasks, and the name of the one whose turn was interrupted."""

    interrupted: str | None
    seats: tuple[SeatState, ...]


class _Seat:
    """What the scheduler knows of one task."""

    __slots__ = ("_seen", "_timeout", "_utcb", "_words", "task", "wake_at")

    def __init__(self, task: Task, words: list[memoryview], page: memoryview) -> None:
        self.task = task
        # Integers of the host's own byte order will do: whether a word has changed, or is 0, is all that is asked.
        self._words = [word.cast("I") for word in words]
        self._timeout = page[WAKE_AT : WAKE_AT + 8].cast("Q")
        self._utcb = Utcb(page)
        self.reset()

    def reset(self) -> None:
        """As at boot."""
        self._seen = [word[0] for word in self._words]
        self.wake_at = NEVER

    @property
    def state(self) -> SeatState:
        """Everything about the task that is not in memory or registers."""
        return SeatState(self.task.state, tuple(self._seen), self.wake_at)

    @state.setter
    def state(self, state: SeatState) -> None:
        self.task.state, self._seen, self.wake_at = state.task, list(state.seen), state.wake_at

    def ready(self, now: int) -> bool:
        """True if the task has something to do; wakes it where it has waited for that."""
        state = self.task.state
        if state != "idle":
            return state == "running"
        woken = self.wake_at != NEVER and self.wake_at <= now
        # What rings from now on is seen as new when the task waits again, so that no signal is lost.
        for index, word in enumerate(self._words):
            value = word[0]
            if value != self._seen[index]:
                self._seen[index] = value
                woken = True
        if woken:
            self.task.state = "running"
            if self.wake_at != NEVER:
                self.wake_at = NEVER
                self._utcb.clear()
        return woken

    def wait(self) -> None:
        """The task has begun to wait."""
        if self._timeout[0]:
            self.wake_at = self._utcb.wake_at


def _control_page(task: Task, memory: Memory) -> memoryview:
    """The task's own, or a page that stays zero for one that has none and so never asks to be woken by time."""
    page = task.layout.utcb
    return memoryview(bytearray(PAGE_SIZE)) if page is None else memory.view(page.base, page.size)


class Scheduler:
    """Runs tasks in turns on one clock.

    Time passes only while every task waits: then the clock moves to the earliest timeout. A task that faults, or that
    uses up its budget without waiting, is stopped and reported, and the others go on.
    """

    def __init__(
        self, tasks: Iterable[Task], clock: KernelPage, memory: Memory, signals: Iterable[Signal] = ()
    ) -> None:
        self._clock = clock
        self._interrupted: _Seat | None = None  # by a breakpoint: its turn goes on before anybody else's
        words: dict[str, list[memoryview]] = {}
        by_name = {task.name: task for task in tasks}
        for signal in signals:
            task = by_name.get(signal.task)
            if task is None or task.region_at(signal.address, _WORD_SIZE) is None:
                raise EmulatorError(
                    f"signal at {signal.address:#010x}: task {signal.task} does not run or lacks that page"
                )
            words.setdefault(task.name, []).append(memory.view(signal.address, _WORD_SIZE))
        self._seats = [_Seat(task, words.get(task.name, []), _control_page(task, memory)) for task in by_name.values()]

    def reset(self, name: str | None = None) -> None:
        """Forget timeouts and signals, as the tasks do; of one task alone where it is named."""
        for seat in self._seats:
            if name in (None, seat.task.name):
                seat.reset()
                if seat is self._interrupted:
                    self._interrupted = None

    def state(self) -> SchedulerState:
        """What the scheduler knows of the tasks beside their memory, for `set_state`."""
        current = self._interrupted.task.name if self._interrupted else None
        return SchedulerState(current, tuple(seat.state for seat in self._seats))

    def set_state(self, state: SchedulerState) -> None:
        """Back to what `state` has returned; memory and clock are to be put back as well."""
        self._interrupted = self._seat(state.interrupted) if state.interrupted else None
        for seat, known in zip(self._seats, state.seats, strict=True):
            seat.state = known

    def interrupt(self, name: str) -> None:
        """The task's turn is not over, whatever ended its last run: it goes on before anybody else's."""
        self._interrupted = self._seat(name)
        self._interrupted.task.state = "running"

    def _seat(self, name: str) -> _Seat:
        return next(seat for seat in self._seats if seat.task.name == name)

    def run(self, budget: int, *, until: int | None = None, turns: int = TURNS) -> Outcome:
        """Run until nothing is left to do.

        `budget` bounds each turn of a task, in instructions; `turns` bounds the run, as tasks can keep one another, or
        themselves by timeouts, busy for ever; the clock does not move beyond `until` (microseconds; None: no bound).
        """
        done = 0
        reports: list[FaultReport] = []
        clock = self._clock
        round_of: Iterable[_Seat] = self._seats
        if self._interrupted is not None:
            round_of = self._seats[self._seats.index(self._interrupted) :]
            self._interrupted = None
        while True:
            before = done
            for seat in round_of:
                if done == turns:
                    return Outcome("turns", done, tuple(reports))
                if not seat.ready(clock.now):
                    continue
                done += 1
                stop = seat.task.run(budget)
                if stop is IDLE:
                    seat.wait()
                elif isinstance(stop, Breakpoint):
                    self._interrupted = seat
                    return Outcome("breakpoint", done, tuple(reports), (seat.task.name, stop))
                elif isinstance(stop, Fault | LimitReached):
                    reports.append(FaultReport(seat.task.name, stop))
            round_of = self._seats
            if done == before and not self._pass_time(until):
                return Outcome("quiet", done, tuple(reports))

    def _pass_time(self, until: int | None) -> bool:
        """Move the clock to the earliest timeout; False if there is none up to `until`."""
        times = [seat.wake_at for seat in self._seats if seat.task.state == "idle" and seat.wake_at != NEVER]
        if not times or (until is not None and min(times) > until):
            return False
        self._clock.set_clock(min(times))
        return True

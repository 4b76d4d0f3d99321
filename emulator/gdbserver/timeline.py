# SPDX-License-Identifier: GPL-2.0-or-later
"""A system's life so far, in which one can go back: what the host did to it, and states to start again from.

The emulator is deterministic, so a moment is known by how many instructions were executed and how many of the host's
changes were made. To go back to it, the nearest earlier state is restored and the system runs again, with the changes
made where they were made. A change in the past begins another future: what was behind it is forgotten.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from emulator.board import PAGE_SIZE
from emulator.gdbserver.stepping import Halt, Stepper, Watchpoint, Why
from emulator.l4.system import System
from emulator.l4.system_state import SystemState, capture, restore

# Instructions between two states, a few hundredths of a second to replay; doubled each time that too many are kept.
INTERVAL: Final = 1_000_000
STATES_MAX: Final = 64

# So far before a moment that was gone to, one more state is kept: who goes back a step often does so again.
NEAR: Final = 2_000


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """`count` instructions were executed and `changes` changes made by the host."""

    count: int
    changes: int


@dataclass(frozen=True, slots=True)
class _Change:
    """What the host did when `count` instructions had been executed; doing it again has the same effect."""

    count: int
    make: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    moment: Moment
    state: SystemState


class Timeline:
    """A system under a debugger; its life begins as it is now. All changes by the host have to go through here."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._stepper = Stepper(system)
        self._changes: list[_Change] = []
        self._made = 0
        self._interval = INTERVAL
        self._kept: list[_Kept] = [_Kept(Moment(0, 0), capture(system))]
        self._names: dict[str, Moment] = {}
        self._near: _Kept | None = None  # before the last moment that was gone to
        self._points: tuple[tuple[int, ...], tuple[Watchpoint, ...]] = ((), ())
        self._inside = False  # a task is shown within an If-Then block, where no run can begin
        self._told: Moment | None = None  # where a watchpoint was told
        self._told_back: Moment | None = None  # the same on the way back

    def close(self) -> None:
        """Take the debugger away."""
        self._stepper.close()

    @property
    def now(self) -> Moment:
        """The present moment."""
        return Moment(self._stepper.count, self._made)

    @property
    def task(self) -> str:
        """Whose turn it is, or was."""
        return self.system.scheduler.state().interrupted or self._stepper.last

    def set_points(self, breakpoints: Iterable[int], watchpoints: Iterable[Watchpoint]) -> None:
        """What stops a run, in the place of what did before. Raises EmulatorError for too many."""
        self._points = (tuple(breakpoints), tuple(watchpoints))
        self._stepper.set_points(*self._points)

    # ---- named moments ----

    @property
    def names(self) -> Mapping[str, Moment]:
        """The named moments of this life."""
        return dict(self._names)

    def name(self, name: str) -> None:
        """Give the present moment a name, to go back to it."""
        self._names[name] = self.now

    # ---- changes by the host ----

    def write(self, address: int, data: bytes) -> None:
        """Change memory, code as well. Raises EmulatorError where there is none."""
        if self.system.read(address, len(data)) == data:
            return
        code = any(
            region.executable and region.base < address + len(data) and address < region.end
            for task in self.system.tasks.values()
            for region in task.layout.image_regions
        )

        def make() -> None:
            self.system.write(address, data)
            if code:
                for task in self.system.tasks.values():
                    task.cpu.forget_translations()

        self._change(make)

    @contextmanager
    def edit(self, address: int, size: int) -> Iterator[memoryview]:
        """Memory to be changed in place, within the `with` block; what differs afterwards is one change."""
        before = self.system.read(address, size)
        copy = bytearray(before)
        yield memoryview(copy)
        pages = range(0, size, PAGE_SIZE)
        changed = [at for at in pages if copy[at : at + PAGE_SIZE] != before[at : at + PAGE_SIZE]]
        if changed:
            begin, end = changed[0], min(changed[-1] + PAGE_SIZE, size)
            self.write(address + begin, bytes(copy[begin:end]))

    def set_registers(self, task: str, values: Mapping[str, int]) -> None:
        """Change registers of a task. One that waits goes on where its `pc` is set."""
        cpu = self.system.tasks[task].cpu
        known = cpu.registers().as_dict()
        wanted = {name: value for name, value in values.items() if known[name] != value}

        def make() -> None:
            cpu.set_registers(wanted)
            if "pc" in wanted:  # there is something to execute, also where the task has waited
                self.system.scheduler.interrupt(task)

        if wanted:
            self._change(make)

    def set_clock(self, microseconds: int) -> None:
        """Set the kernel's clock."""
        if self.system.kernel_page.now != microseconds:
            self._change(lambda: self.system.kernel_page.set_clock(microseconds))

    def _change(self, make: Callable[[], None]) -> None:
        self._leave_block()
        make()
        now = self.now
        del self._changes[self._made :]
        self._kept = [kept for kept in self._kept if kept.moment <= now]
        self._names = {name: moment for name, moment in self._names.items() if moment <= now}
        if self._near is not None and self._near.moment > now:
            self._near = None
        self._changes.append(_Change(now.count, make))
        self._made += 1
        self._told = None

    def _make_due(self, until: int) -> None:
        """Make the changes of this moment again, of the first `until`."""
        count = self._stepper.count
        while self._made < until and self._changes[self._made].count == count:
            self._changes[self._made].make()
            self._made += 1

    # ---- forward ----

    def forward(self, budget: int, step: str | None = None, told: bool = True) -> Halt:
        """Run for at most `budget` instructions, or behind one of the task `step`. In the past, history repeats.

        At a watchpoint and at a fault the system stands before the instruction. `limit` says that the budget is used
        up, `idle` that every task waits and nothing is known to come. `told`: a breakpoint right here is none.
        """
        self._leave_block()
        begin = self._stepper.count
        here: frozenset[Why] = frozenset({"breakpoint"}) if told else frozenset()
        if self._told == self.now:
            here |= {"watchpoint"}
        while True:
            self._make_due(len(self._changes))
            ahead = self._changes[self._made].count if self._made < len(self._changes) else begin + budget
            passed = here if self._stepper.count == begin else frozenset()
            halt = self._stepper.run(min(begin + budget, ahead), step=step, told=passed)
            over = self._made == len(self._changes) or self._stepper.count == begin + budget
            if over or halt.why not in ("limit", "idle"):
                break
        self._told = self._told_back = None
        if halt.inside:
            self._inside = True
            return halt
        if halt.why in ("watchpoint", "fault"):
            self.go_to(Moment(halt.at, self._made))
            self._told = self.now if halt.why == "watchpoint" else None
        self._keep()
        return halt

    def _leave_block(self) -> bool:
        """Back to the beginning of an If-Then block in which a task is shown; False where none is."""
        if self._inside:
            self.go_to(self.now)
            return True
        return False

    def _keep(self) -> None:
        """Keep the present state if the last one is long ago; every second one goes where there are too many."""
        now = self.now
        if now.count - self._kept[-1].moment.count < self._interval:
            return
        self._kept.append(_Kept(now, capture(self.system, self._kept[-1].state)))
        if len(self._kept) > STATES_MAX:
            self._interval *= 2
            self._kept = self._kept[::2]

    # ---- back ----

    def go_to(self, moment: Moment) -> None:
        """To an earlier moment of this life, or to one ahead that has been already."""
        self._stepper.set_points((), ())
        start = self._kept[bisect_right(self._kept, moment, key=lambda kept: kept.moment) - 1]
        if self._near is not None and start.moment < self._near.moment <= moment:
            start = self._near
        self._inside = False
        self._restore(start)
        if moment.count - start.moment.count > 2 * NEAR:
            self._run_to(self.last_at(moment.count - NEAR))
            self._near = _Kept(self.now, capture(self.system, start.state))
        self._run_to(moment)
        self._stepper.set_points(*self._points)
        self._told = self._told_back = None

    def _run_to(self, moment: Moment) -> None:
        while True:
            self._make_due(moment.changes)
            if self.now == moment:
                return
            ahead = self._changes[self._made].count if self._made < moment.changes else moment.count
            self._stepper.run(ahead)

    def _restore(self, kept: _Kept) -> None:
        restore(self.system, kept.state)
        self._stepper.count, self._made = kept.moment.count, kept.moment.changes

    def step_back(self) -> bool:
        """Undo the last instruction, and what the host did since; False at the beginning."""
        count = self._stepper.count
        if self._leave_block():
            return True
        if count > 0:
            self.go_to(self.last_at(count - 1))
        return count > 0

    def last_at(self, count: int) -> Moment:
        """The last moment at which so many instructions had been executed."""
        return Moment(count, bisect_right(self._changes, count, key=lambda change: change.count))

    def back(self) -> Iterator[Halt | None]:
        """Run back to where a point was hit last, or to the beginning (`start`): None a piece, and in the end the Halt.

        At a watchpoint the system stands behind the access: gdb undoes it by a step of its own, to see what it did.
        Closed before the end, all is as it was.
        """
        begin = self.now
        end = begin.count - (self._told_back == begin)
        done = False
        try:
            for kept in [kept for kept in reversed(self._kept) if kept.moment < begin]:
                self._restore(kept)
                hit = self._last_hit(end)
                if hit is not None:
                    self._stand_at(hit)
                    done = True
                    yield hit
                    return
                end = min(end, kept.moment.count)
                yield None
            self.go_to(self.last_at(0))
            done = True
            yield Halt("start", self.task)
        finally:
            if not done:
                self.go_to(begin)

    def _stand_at(self, hit: Halt) -> None:
        moment = self.last_at(hit.at)
        if hit.why == "watchpoint":
            moment = Moment(hit.at + 1, moment.changes)
        self.go_to(moment)
        self._told_back = moment if hit.why == "watchpoint" else None

    def _last_hit(self, end: int) -> Halt | None:
        last: Halt | None = None
        while self._stepper.count < end:
            self._make_due(len(self._changes))
            ahead = self._changes[self._made].count if self._made < len(self._changes) else end
            halt = self._stepper.run(min(ahead, end), collect=True)
            last = halt if halt.why in ("breakpoint", "watchpoint") else last
        return last

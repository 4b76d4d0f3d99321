# SPDX-License-Identifier: GPL-2.0-or-later
"""Single fetch (IPC-4): no request byte is read twice, and nothing of the response area at all.

What was read twice is then changed between the two reads, as a client could, and the finding says what that broke.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.cpu import WatchEvent
from emulator.stop import Fault, Idle, LimitReached, Stop
from harness.analysis.replay import readers, rerun
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget

_PAGES_OF_REQUEST = table.WINDOW_RESPONSE - table.WINDOW_REQUEST
_ENGINE_PAGE = 1024  # what a read that must not be is known to, before the run is repeated

# What the client puts in the place of the byte: all bits changed, the smallest change, the extremes.
_CHANGES = (0xFF, 0x01, 0x80)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run made of a request: how it stopped, and the response."""

    stop: str
    response: bytes

    @property
    def status(self) -> str:
        """The status of the response by name."""
        code = self.response[2]
        return Status(code).name if code in set(Status) else f"{code:#04x}"


class FetchWatch:
    """Watches one target's window; `explain` repeats the run."""

    def __init__(self, target: EmulatedTarget) -> None:
        self._target = target
        self._machine = target.machine
        self._base = target.board.window.base
        size = target.board.window.size - table.WINDOW_RESPONSE
        self._machine.cpu.watch_reads(
            (self._base + table.WINDOW_REQUEST, _PAGES_OF_REQUEST), (self._base + table.WINDOW_RESPONSE, size)
        )

    def arm(self) -> None:
        """Watch the next run."""
        self._machine.cpu.arm_watch(True)

    def events(self) -> tuple[WatchEvent, ...]:
        """What the run has read that it must not; empty for almost all."""
        return self._machine.cpu.watch_events()

    def place(self, event: WatchEvent) -> str:
        """Whether header, payload or response was read: events of one place have one cause mostly."""
        if event.forbidden:
            return "the response area"
        offset = event.address - self._base - table.WINDOW_REQUEST
        return "the request's header" if offset < table.HEADER_SIZE else "the request's payload"

    def explain(self, event: WatchEvent, budget: int) -> str:
        """Which instructions read it, and what a client gains. Leaves the machine as the run has left it."""
        describe = self._machine.symbols.describe
        if event.forbidden:
            found = readers(self._machine, budget, event.address & -_ENGINE_PAGE, _ENGINE_PAGE)
            return f"{self.place(event)} is read by {describe(found[0]) if found else 'an unknown instruction'}"
        found = readers(self._machine, budget, event.address, 1)
        first, second = (*(describe(pc) for pc in found[:2]), "?", "?")[:2]
        offset = event.address - self._base
        where = f"{self.place(event)} (window offset {offset:#x}) is read by {first} and again by {second}"
        return f"{where}; changed in between: {self._grade(event.address, budget)}"

    def _grade(self, address: int, budget: int) -> str:
        """The worst that a change of the byte between its two reads does."""
        plain = self._outcome(rerun(self._machine, budget, None, None, lambda *_: None))
        changed = [self._changed(address, change, budget) for change in _CHANGES]
        self._outcome(rerun(self._machine, budget, None, None, lambda *_: None))
        return min(grade(plain, other) for other in changed)[1]

    def _changed(self, address: int, change: int, budget: int) -> Outcome:
        """The request byte is changed before its second read, and put right again behind the run."""
        byte = self._machine.view(address, 1)
        kept = byte[0]
        reads = 0

        def on_read(_pc: int, _address: int, _size: int) -> None:
            nonlocal reads
            reads += 1
            if reads == 2:
                byte[0] = kept ^ change

        try:
            return self._outcome(rerun(self._machine, budget, range(address, address + 1), None, on_read))
        finally:
            byte[0] = kept

    def _outcome(self, stop: Stop) -> Outcome:
        begin = self._base + table.WINDOW_RESPONSE
        if isinstance(stop, Fault):
            return Outcome(f"a memory fault ({stop})" if stop.address is not None else f"a fault ({stop})", b"")
        if isinstance(stop, LimitReached):
            return Outcome("a hang", b"")
        assert isinstance(stop, Idle), stop
        length = int.from_bytes(self._machine.read(begin + 4, 4), "little")
        return Outcome("", self._machine.read(begin, table.HEADER_SIZE + min(length, table.MAX_PAYLOAD)))


def grade(plain: Outcome, other: Outcome) -> tuple[int, str]:
    """How bad the difference is, 0 the worst, and what it is."""
    if other.stop:
        return 0, other.stop
    if len(other.response) > len(plain.response):
        more = len(other.response) - len(plain.response)
        return 1, f"{more} bytes more are released, status {plain.status} becomes {other.status}"
    if other.status != plain.status:
        return 2, f"status {plain.status} becomes {other.status}"
    if other.response != plain.response:
        return 3, f"another response, status {other.status}"
    return 4, "no effect seen"

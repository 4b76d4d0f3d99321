# SPDX-License-Identifier: GPL-2.0-or-later
"""What an observer of branches and addresses sees of a run, for two runs to be compared.

A trace is every block entered and every memory access (address and size, not the value), in order. It takes the guest
off the fast path: attach it to the runs that are compared and to no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from emulator.cpu import ffi, lib
from emulator.errors import EmulatorError
from emulator.machine import Machine

EventKind = Literal["end", "block", "read", "write"]

EVENTS_MAX = 1 << 24
_KINDS: dict[int, EventKind] = {
    lib.CORE_EVENT_END: "end",
    lib.CORE_EVENT_BLOCK: "block",
    lib.CORE_EVENT_READ: "read",
    lib.CORE_EVENT_WRITE: "write",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A block entered at `pc`, `size` bytes accessed at `address` by the instruction at `pc`, or the end of the run."""

    kind: EventKind
    pc: int
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event, counted from 0, that is not the same in both runs."""

    index: int
    recorded: Event
    other: Event


class Trace:
    """A machine's trace, while the `with` block lasts.

    `muted` are addresses of functions: of them and of what they call nothing is seen but that they were entered. Raises
    EmulatorError when there are too many of them, or no memory.
    """

    def __init__(self, machine: Machine, muted: Iterable[int] = (), limit: int = EVENTS_MAX) -> None:
        self._machine = machine
        self._muted = tuple(muted)
        self._limit = limit
        self._trace: object = ffi.NULL

    def __enter__(self) -> Trace:
        self._trace = self._machine.cpu.start_trace(self._limit)
        for address in self._muted:
            if not lib.core_trace_mute(self._trace, address):
                self._close()
                raise EmulatorError(f"{len(self._muted)} muted functions are too many")
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        lib.core_trace_free(self._trace)
        self._trace = ffi.NULL

    def record(self) -> None:
        """The next run is the one that others are compared with."""
        lib.core_trace_record(self._trace)

    def compare(self) -> None:
        """The next run is compared with the recorded one. Raises EmulatorError when that was too long to be kept."""
        if lib.core_trace_overflow(self._trace):
            raise EmulatorError(f"the run has more than {self._limit} events; trace a shorter one")
        lib.core_trace_compare(self._trace)

    @property
    def events(self) -> int:
        """How many events the recorded run has."""
        return int(lib.core_trace_count(self._trace))

    @property
    def difference(self) -> Difference | None:
        """Where the compared run is another one first; None when both are the same."""
        index = ffi.new("size_t *")
        recorded, other = ffi.new("struct core_event *"), ffi.new("struct core_event *")
        if not lib.core_trace_difference(self._trace, index, recorded, other):
            return None
        return Difference(index[0], _event(recorded), _event(other))


def _event(raw: object) -> Event:
    e = raw[0]  # type: ignore[index]
    return Event(_KINDS[e.kind], e.pc, e.address, e.size)

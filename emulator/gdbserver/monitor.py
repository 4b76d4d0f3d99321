# SPDX-License-Identifier: GPL-2.0-or-later
"""The `monitor` commands: what gdb has no word for. Whoever serves a session may add commands of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from emulator.errors import EmulatorError
from emulator.gdbserver.timeline import Timeline
from emulator.l4.kernel_page import CLOCK_LIMIT

_DEFAULT_NAME: Final = "1"


class MonitorError(EmulatorError):
    """A command cannot be done; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """`usage` is its name and its arguments; `run` gets the arguments and returns what is to be told."""

    usage: str
    help: str
    run: Callable[[Timeline, list[str]], str]

    @property
    def name(self) -> str:
        """What the user types."""
        return self.usage.split()[0]


def commands(more: Iterable[Command] = ()) -> Mapping[str, Command]:
    """The commands of every session and `more`, by name."""
    table: dict[str, Command] = {}

    def help_(_timeline: Timeline, _arguments: list[str]) -> str:
        width = max(len(command.usage) for command in table.values())
        return "\n".join(f"{command.usage:<{width}}  {command.help}" for command in table.values())

    own = (
        Command("help", "this list", help_),
        Command("snapshot [NAME]", "give this moment a name", _snapshot),
        Command("restore [NAME]", "back to a named moment", _restore),
        Command("moment [COUNT]", "how many instructions were executed; or go to where so many were", _moment),
        Command("clock [US|+US]", "show, set or advance the kernel's clock, in microseconds", _clock),
    )
    table |= {command.name: command for command in (*own, *more)}
    return table


def execute(table: Mapping[str, Command], timeline: Timeline, line: str) -> str:
    """Do what a line says; an unknown command and a failure are text as well."""
    name, *arguments = line.split() or ["help"]
    command = table.get(name)
    if command is None:
        return f"no command {name!r}; there are: {', '.join(table)}"
    try:
        return command.run(timeline, arguments)
    except EmulatorError as error:
        return f"{name}: {error}"


def _snapshot(timeline: Timeline, arguments: list[str]) -> str:
    name = _one(arguments, _DEFAULT_NAME)
    timeline.name(name)
    return f"snapshot {name}: {_describe(timeline)}"


def _restore(timeline: Timeline, arguments: list[str]) -> str:
    name = _one(arguments, _DEFAULT_NAME)
    names = timeline.names
    if name not in names:
        known = ", ".join(names) or "none"
        raise MonitorError(f"no snapshot {name!r}: there are {known}; a change before a snapshot's moment forgets it")
    timeline.go_to(names[name])
    return f"{_describe(timeline)}{_STALE}"


def _moment(timeline: Timeline, arguments: list[str]) -> str:
    if not arguments:
        return _describe(timeline)
    count = _number(_one(arguments, ""), 1 << 63)
    if count > timeline.now.count:
        raise MonitorError(f"{count} instructions were not executed yet: continue")
    timeline.go_to(timeline.last_at(count))
    return f"{_describe(timeline)}{_STALE}"


def _clock(timeline: Timeline, arguments: list[str]) -> str:
    now = timeline.system.kernel_page.now
    if arguments:
        text = _one(arguments, "")
        now = _number(text.removeprefix("+"), CLOCK_LIMIT) + (now if text.startswith("+") else 0)
        if now >= CLOCK_LIMIT:
            raise MonitorError("the clock is a u64: that is too far")
        timeline.set_clock(now)
    return f"clock: {now} us"


# What gdb has read before it keeps until the target has run, and it takes a monitor command for no run.
_STALE: Final = "\ntype `maintenance flush register-cache` for gdb to see it"


def _describe(timeline: Timeline) -> str:
    count = timeline.now.count
    return f"{count} instruction{'s' * (count != 1)} executed, task {timeline.task}"


def _one(arguments: list[str], default: str) -> str:
    if len(arguments) > 1:
        raise MonitorError("one argument at most")
    return arguments[0] if arguments else default


def _number(text: str, limit: int) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < limit:
        raise MonitorError(f"{text!r} is no number from 0 to {limit - 1}")
    return value

# SPDX-License-Identifier: GPL-2.0-or-later
"""What each packet of the GDB remote serial protocol means for a timeline: payload in, payload out; no framing, no I/O.

Packets are those of the GDB manual, appendix E. One that is not known is answered by an empty payload, as the protocol
has it. The tasks are threads, numbered from 1 in the order of the system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from emulator.errors import EmulatorError
from emulator.gdbserver.monitor import Command, execute
from emulator.gdbserver.stepping import Halt, WatchKind, Watchpoint
from emulator.gdbserver.target_description import REGISTERS, describe, memory_map_xml, target_xml, threads_xml
from emulator.gdbserver.timeline import Timeline
from emulator.stop import FaultKind

PACKET_SIZE: Final = 0x4000  # bytes of a payload
SLICE: Final = 500_000  # instructions, some hundredths of a second: so soon an interrupt is seen

OK: Final = b"OK"
UNKNOWN: Final = b""
BAD_ADDRESS: Final = b"E0e"  # EFAULT
BAD_ARGUMENT: Final = b"E16"  # EINVAL

# Signals by gdb's own numbers (include/gdb/signals.def).
SIGINT: Final = 2
SIGILL: Final = 4
SIGTRAP: Final = 5
SIGABRT: Final = 6
SIGSEGV: Final = 11
SIGSYS: Final = 12
SIGSTOP: Final = 17

_FAULT_SIGNALS: Final[dict[FaultKind, int]] = {
    "read not granted": SIGSEGV,
    "write not granted": SIGSEGV,
    "execution not granted": SIGSEGV,
    "undefined instruction": SIGILL,
    "breakpoint instruction": SIGTRAP,
    "supervisor call": SIGSYS,
}
_WATCH_KINDS: Final[dict[int, WatchKind]] = {2: "write", 3: "read", 4: "access"}
_WATCH_WORDS: Final[dict[WatchKind, str]] = {"write": "watch", "read": "rwatch", "access": "awatch"}
_FEATURES: Final = (
    f"PacketSize={PACKET_SIZE:x};QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;qXfer:memory-map:read+;"
    "vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+"
)
_IDLE: Final = "every task waits for a signal: `monitor request` gives the service work, or go back\n"


@dataclass(frozen=True, slots=True)
class Resume:
    """The target runs: `pieces` gives None a piece and in the end why it halted."""

    pieces: Iterator[Halt | None]


@dataclass(frozen=True, slots=True)
class End:
    """The client leaves; `killed` says that nobody shall come again. `reply` is still sent."""

    killed: bool
    reply: bytes = OK


Answer = bytes | Resume | End


class Stub:
    """A debugged system as one client sees it. `halt` is why the system stands where it does."""

    def __init__(self, timeline: Timeline, monitor: Mapping[str, Command], halt: Halt | None = None) -> None:
        self.timeline = timeline
        self._monitor = monitor
        self._system = timeline.system
        self._names = tuple(self._system.tasks)
        self._points: dict[tuple[int, int, int], None] = {}
        self._swbreak = self._hwbreak = False
        self.halted = halt or Halt("step", timeline.task)
        self._selected = self.halted.task  # registers are this task's
        self._commands: tuple[tuple[bytes, Callable[[str], Answer]], ...] = (
            (b"qSupported", self._supported),
            (b"qXfer:", self._transfer),
            (b"qRcmd,", self._monitor_command),
            (b"qfThreadInfo", lambda _: ("m" + ",".join(f"{n + 1:x}" for n in range(len(self._names)))).encode()),
            (b"qsThreadInfo", lambda _: b"l"),
            (b"qThreadExtraInfo,", self._thread_info),
            (b"qC", lambda text: UNKNOWN if text else b"QC%x" % self._number(self.halted.task)),  # not qCRC
            (b"qAttached", lambda _: b"1"),
            (b"vCont?", lambda _: b"vCont;c;C;s;S"),
            (b"vCont;", self._continue_by_thread),
            (b"vKill", lambda _: End(killed=True)),
            (b"k", lambda _: End(killed=True, reply=b"")),
            (b"D", lambda _: End(killed=False)),
            (b"?", lambda _: self.stop_reply()),
            (b"H", self._select),
            (b"T", self._alive),
            (b"g", self._read_registers),
            (b"G", self._write_registers),
            (b"p", self._read_register),
            (b"P", self._write_register),
            (b"m", self._read_memory),
            (b"M", self._write_memory),
            (b"Z", lambda text: self._set_point(text, True)),
            (b"z", lambda text: self._set_point(text, False)),
            (b"c", self._continue),
            (b"s", self._step),
            (b"bs", self._reverse_step),
            (b"bc", self._reverse_continue),
        )

    def answer(self, payload: bytes) -> Answer:
        """Do what a packet asks; whatever it holds, the answer is one."""
        try:
            if payload.startswith(b"X"):
                return self._write_binary(payload[1:])
            for prefix, handle in self._commands:
                if payload.startswith(prefix):
                    return handle(payload[len(prefix) :].decode("ascii"))
        except EmulatorError:
            return BAD_ADDRESS
        except ValueError:  # numbers that are none, bytes that are no text
            return BAD_ARGUMENT
        return UNKNOWN

    def release(self) -> None:
        """The client is gone: no point of its own stops the system any more."""
        self._points.clear()
        self.timeline.set_points((), ())
        self._swbreak = self._hwbreak = False

    # ---- halts ----

    def halt(self, halt: Halt) -> tuple[str, bytes]:
        """The target has halted: what is to be told the user, and the stop reply."""
        self.halted = halt
        self._selected = halt.task
        text = f"{halt.fault}; {halt.fault.detail}\n" if halt.fault else _IDLE if halt.why == "idle" else ""
        return text, self.stop_reply()

    def stop_reply(self) -> bytes:
        """Why the target stands still."""
        halt = self.halted
        signal, reason = SIGTRAP, ""
        if halt.why == "watchpoint":
            reason = f"{_WATCH_WORDS[halt.watch]}:{halt.address:x};"
        elif halt.why == "start":
            reason = "replaylog:begin;"
        elif halt.why == "breakpoint":
            hardware = (1, halt.address) in {(kind, address) for kind, address, _ in self._points}
            reason = "hwbreak:;" if hardware and self._hwbreak else "swbreak:;" if self._swbreak else ""
        elif halt.why == "interrupt":
            signal = SIGINT
        elif halt.why == "idle":
            signal = SIGSTOP
        elif halt.fault is not None:
            signal = _FAULT_SIGNALS.get(halt.fault.kind, SIGABRT)
        return f"T{signal:02x}{reason}thread:{self._number(halt.task):x};".encode()

    def _number(self, task: str) -> int:
        return self._names.index(task) + 1

    def _task(self, thread: str) -> str:
        """The task of a thread's number; the halted one for "any" and "all". Raises ValueError for no number."""
        number = -1 if thread == "-1" else int(thread, 16)
        if number in (-1, 0):
            return self.halted.task
        if not 0 < number <= len(self._names):
            raise ValueError(f"no thread {number}")
        return self._names[number - 1]

    # ---- queries ----

    def _supported(self, text: str) -> bytes:
        client = text.lstrip(":").split(";")
        self._swbreak, self._hwbreak = "swbreak+" in client, "hwbreak+" in client
        return _FEATURES.encode()

    def _transfer(self, text: str) -> bytes:
        what, _read, annex, window = text.split(":")
        tasks = self._system.tasks.values()
        documents: dict[tuple[str, str], Callable[[], str]] = {
            ("features", "target.xml"): target_xml,
            ("memory-map", ""): lambda: memory_map_xml(self._system.board),
            ("threads", ""): lambda: threads_xml(tasks),
        }
        make = documents.get((what, annex))
        if make is None:
            return UNKNOWN if what not in ("features", "memory-map", "threads") else b"E00"
        offset, length = (int(number, 16) for number in window.split(","))
        document = make().encode()
        part = document[offset : offset + length]
        return (b"m" if offset + length < len(document) else b"l") + part

    def _monitor_command(self, text: str) -> bytes:
        line = bytes.fromhex(text).decode("utf-8", "replace")
        told = execute(self._monitor, self.timeline, line)
        return (told + "\n").encode()[: PACKET_SIZE // 2].hex().encode() if told else OK

    def _thread_info(self, text: str) -> bytes:
        task = self._system.tasks[self._task(text)]
        return f"{task.name}: {describe(task)}".encode().hex().encode()

    def _select(self, text: str) -> bytes:
        if text[:1] == "g":
            self._selected = self._task(text[1:])
        else:
            self._task(text[1:])  # who runs is the scheduler's to say
        return OK

    def _alive(self, text: str) -> bytes:
        self._task(text)
        return OK

    # ---- registers ----

    def _registers(self) -> dict[str, int]:
        return self._system.tasks[self._selected].cpu.registers().as_dict()

    def _read_registers(self, _text: str) -> bytes:
        values = self._registers()
        return b"".join(_word(values[name]) for name in REGISTERS)

    def _write_registers(self, text: str) -> bytes:
        content = bytes.fromhex(text)
        if len(content) != 4 * len(REGISTERS):
            return BAD_ARGUMENT
        words = (int.from_bytes(content[4 * i : 4 * i + 4], "little") for i in range(len(REGISTERS)))
        self.timeline.set_registers(self._selected, dict(zip(REGISTERS, words, strict=True)))
        return OK

    def _read_register(self, text: str) -> bytes:
        number = int(text, 16)
        return _word(self._registers()[REGISTERS[number]]) if 0 <= number < len(REGISTERS) else BAD_ARGUMENT

    def _write_register(self, text: str) -> bytes:
        number, value = text.split("=")
        content = bytes.fromhex(value)
        if not 0 <= int(number, 16) < len(REGISTERS) or len(content) != 4:
            return BAD_ARGUMENT
        name = REGISTERS[int(number, 16)]
        self.timeline.set_registers(self._selected, {name: int.from_bytes(content, "little")})
        return OK

    # ---- memory ----

    def _read_memory(self, text: str) -> bytes:
        address, size = _range(text)
        return self._system.read(address, min(size, PACKET_SIZE // 2)).hex().encode() if size else b""

    def _write_memory(self, text: str) -> bytes:
        where, content = text.split(":")
        return self._write(where, bytes.fromhex(content))

    def _write_binary(self, payload: bytes) -> bytes:
        where, _, content = payload.partition(b":")
        return self._write(where.decode("ascii"), content)

    def _write(self, where: str, content: bytes) -> bytes:
        address, size = _range(where)
        if size != len(content):
            return BAD_ARGUMENT
        if size:
            self.timeline.write(address, content)
        return OK

    # ---- points ----

    def _set_point(self, text: str, wanted: bool) -> bytes:
        found = re.fullmatch(r"([0-4]),([0-9a-fA-F]{1,8}),([0-9a-fA-F]{1,8})", text)
        if found is None:
            return UNKNOWN if text[:1] not in tuple("01234") else BAD_ARGUMENT
        point = (int(found[1]), int(found[2], 16), int(found[3], 16))
        points = {key: None for key in self._points if key != point}
        if wanted:
            points[point] = None
        before, self._points = self._points, points
        try:
            self._apply_points()
        except EmulatorError:  # too many
            self._points = before
            self._apply_points()
            raise
        return OK

    def _apply_points(self) -> None:
        breakpoints = {at for kind, at, _ in self._points if kind not in _WATCH_KINDS}
        watched = [Watchpoint(at, size, _WATCH_KINDS[kind]) for kind, at, size in self._points if kind in _WATCH_KINDS]
        self.timeline.set_points(breakpoints, watched)

    # ---- running ----

    def _forward(self, step: str | None = None) -> Iterator[Halt | None]:
        told = True
        while True:
            halt = self.timeline.forward(SLICE, step, told)
            if halt.why != "limit":
                yield halt
                return
            told = False
            yield None

    def _continue_by_thread(self, text: str) -> Answer:
        """Signals are not delivered: nothing here takes one. The first step among the actions is done."""
        for action in text.split(";"):
            kind, _, thread = action.partition(":")
            if kind[:1] not in ("c", "C", "s", "S"):
                return BAD_ARGUMENT
            if kind[:1] in ("s", "S"):
                return Resume(self._forward(self._task(thread or "0")))
        return Resume(self._forward())

    def _continue(self, text: str) -> Answer:
        self._jump(text)
        return Resume(self._forward())

    def _step(self, text: str) -> Answer:
        self._jump(text)
        return Resume(self._forward(self.halted.task))

    def _jump(self, text: str) -> None:
        if text:
            self.timeline.set_registers(self.halted.task, {"pc": int(text, 16) & 0xFFFF_FFFF})

    def _reverse_step(self, _text: str) -> Answer:
        return Resume(self._step_back())

    def _step_back(self) -> Iterator[Halt | None]:
        why: Halt = Halt("step" if self.timeline.step_back() else "start", self.timeline.task)
        yield why

    def _reverse_continue(self, _text: str) -> Answer:
        return Resume(self.timeline.back())


def _word(value: int) -> bytes:
    return value.to_bytes(4, "little").hex().encode()


def _range(text: str) -> tuple[int, int]:
    """An address and a size, in hexadecimal. Raises ValueError for anything else, and beyond 32 bits."""
    found = re.fullmatch(r"([0-9a-fA-F]{1,8}),([0-9a-fA-F]{1,8})", text)
    if found is None:
        raise ValueError(f"{text!r} is no address and size")
    return int(found[1], 16), int(found[2], 16)

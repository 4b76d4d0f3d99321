# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a failing script failed: what to tell of it, and what is the same each time that it happens.

A fault is known by its kind and its call chain, a hang by the functions that it never leaves, everything else by the
operation and what was wrong with the answer. Offsets and line numbers are told and do not count: they change with every
build, and within a loop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Protocol, get_args

from emulator.cpu import lib
from emulator.stop import Fault, SanitizerKind, Stop
from emulator.symbols import Frame
from harness.analysis.replay import rerun
from harness.default_keys import ENTROPY
from harness.fuzz.difference import operation
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.key_images import key_images
from harness.protocol import commands as table
from harness.protocol.codec import HEADER, CodecError, decode_response
from harness.report.findings import StackFrame
from harness.targets.base import TargetStopped
from harness.targets.emulated import EXCHANGE_BUDGET, describe

SANITIZER: Final = "sanitizer"

# Kinds whose last exchange has no sound answer.
NO_ANSWER: Final = ("fault", "hang", "unanswered", "malformed", "status", SANITIZER)

_FRAME: Final = re.compile(r"(?P<function>[A-Za-z_][\w.$]*)(\+0x[0-9a-f]+)?( \((?P<file>[^:,()]+):(?P<line>\d+).*\))?")
_COMPILER_SUFFIX: Final = re.compile(r"\.(part|constprop|isra|cold|lto_priv)(\.\d+)*")

_ENGINE_PAGE: Final = 1024  # of a read of the response area no more is known

_CALLERS_MAX: Final = 16  # the core takes more breakpoints, and no chain is so long


class Oracle(Protocol):
    """Who has said MISMATCH or RESIDUE of the last script."""

    def location(self) -> str:
        """One line, equal for findings that look alike."""

    def explain(self) -> str:
        """Several lines for a reader, with both sides of a difference."""


@dataclass(frozen=True, slots=True)
class Place:
    """`signature` is what findings of one cause share; `location` one line, `report` several, for a reader."""

    kind: str
    location: str
    signature: tuple[str, ...]
    chain: tuple[StackFrame, ...]
    report: str


def locate(executor: Executor, verdict: Verdict, oracle: Oracle | None = None) -> Place:
    """Where the executor's last script failed, asked before anything else is run. `verdict` is what `run` returned.

    Raises ValueError for PASS, and for what only an oracle can explain when there is none. The machine may run on.
    """
    if verdict is Verdict.FAULT:
        return _fault(executor.stop)
    if verdict is Verdict.HANG:
        return _hang(executor)
    if verdict is Verdict.DOUBLE_FETCH:
        return _double_fetch(executor)
    if verdict in (Verdict.MISMATCH, Verdict.RESIDUE):
        if oracle is None:
            raise ValueError(f"{verdict.name} is for an oracle to explain")
        return Place(verdict.name.lower(), oracle.location(), (oracle.location(),), (), oracle.explain())
    if verdict is Verdict.PASS:
        raise ValueError("the script has passed: there is nothing to locate")
    return _answer(executor, verdict)


def parse_frame(text: str) -> StackFrame:
    """A frame as stops tell it: `gcm_encrypt+0x1c (crypto/gcm.c:120, inlined)`, or an address alone."""
    found = _FRAME.fullmatch(text)
    if found is None:
        return StackFrame(text)
    return StackFrame(text, found["function"], found["file"] or "", int(found["line"] or 0))


# ---- the guest stopped ----


def _fault(stop: Stop) -> Place:
    assert isinstance(stop, Fault), stop
    chain = tuple(parse_frame(text) for text in stop.call_chain)
    kind = SANITIZER if stop.kind in get_args(SanitizerKind) else "fault"
    return Place(kind, f"{stop.kind} in {_where(chain)}", (stop.kind, *_names(chain)), chain, describe(stop))


def _names(chain: Sequence[StackFrame]) -> tuple[str, ...]:
    """The functions; one that calls itself counts once, however deep it got. Addresses where no function is known."""
    placeholder = "?" if any(frame.function for frame in chain) else ""
    names = (_COMPILER_SUFFIX.sub("", frame.function) or placeholder or frame.text for frame in chain)
    return tuple(name for name, _calls in groupby(names))


def _where(chain: Sequence[StackFrame]) -> str:
    """The innermost function with its file and line: `window_fetch platform/window.h:21`."""
    known = next((frame for frame in chain if frame.function), None)
    if known is None:
        return chain[0].text if chain else "an unknown place"
    return f"{known.function} {known.file}:{known.line}" if known.file else known.function


# ---- the guest did not stop ----


def _hang(executor: Executor) -> Place:
    """The functions that never return; where the guest stops after all, it was too slow, and that is all."""
    exchange = executor.exchanges[-1]
    name = operation(exchange.request)
    frames = _frames(executor)
    kept = _never_left(executor, frames, exchange.instructions)
    report = f"{name} not answered after {exchange.instructions} instructions"
    if kept is None:
        chain = tuple(parse_frame(str(frame)) for frame in frames)
        text = "\n".join([f"{report}, but later; at that moment:", *(f"  {frame.text}" for frame in chain)])
        return Place("hang", f"{name}: more instructions than its bound", (name, "slow"), chain, text)
    chain = tuple(parse_frame(str(frame)) for frame in kept)
    text = "\n".join([f"{report}; never left:", *(f"  {frame.text}" for frame in chain)])
    # Without symbols the chain is the address of the moment.
    signature = _names(chain) if any(frame.function for frame in chain) else (name,)
    return Place("hang", f"{name}: never leaves {_where(chain)}", signature, chain, text)


def _frames(executor: Executor) -> tuple[Frame, ...]:
    task = executor.target.machine.task
    return task.symbols.call_chain(task.cpu.registers().as_dict(), task.read)


def _never_left(executor: Executor, frames: tuple[Frame, ...], budget: int) -> tuple[Frame, ...] | None:
    """The functions of a call chain to whose callers the guest does not return within another `budget`.

    None when it stops. What is inlined in the innermost of them is left out, as it depends on the moment.
    """
    cpu = executor.target.machine.cpu
    outer = [place for place, frame in enumerate(frames) if not frame.inlined]  # the last frame of each function
    returns = [frames[place].address for place in outer[1:]][:_CALLERS_MAX]
    inner = 0  # how many of them have returned
    try:
        while True:
            cpu.clear_breakpoints()
            for address in returns[inner:]:
                cpu.add_breakpoint(address)
            stop = cpu.run(budget)
            if stop == lib.CORE_LIMIT:
                return frames[outer[inner] :] if outer else frames
            pc = cpu.registers().pc & ~1
            if stop != lib.CORE_BREAKPOINT or pc not in returns[inner:]:
                return None
            inner = returns.index(pc, inner) + 1
    finally:
        cpu.clear_breakpoints()
        cpu.forget_translations()


# ---- the guest answered wrongly, or not at all ----


def _answer(executor: Executor, verdict: Verdict) -> Place:
    name = operation(executor.exchanges[-1].request)
    header = bytes(executor.target.window.response_area[: table.HEADER_SIZE])
    kind = verdict.name.lower()
    if verdict is Verdict.UNANSWERED:
        window = executor.target.window
        report = f"{name}: the service waits; doorbell {window.doorbell}, answered {window.response_doorbell}"
        return Place(kind, f"{name}: not answered", (name,), (), report)
    if verdict is Verdict.STATUS:
        wrong = f"status {header[2]:#04x} is in no table"
        return Place(kind, f"{name}: {wrong}", (name, wrong), (), f"{name}: {wrong}; response header {header.hex(' ')}")
    try:
        decode_response(executor.target.window.response_area)
        complaint = "response is not what its header says"
    except CodecError as error:
        complaint = str(error)
    wrong = _malformation(header)
    return Place(kind, f"{name}: {wrong}", (name, wrong), (), f"{name}: {complaint}; response header {header.hex(' ')}")


def _malformation(header: bytes) -> str:
    """Which part of a response's header is wrong, whatever its value."""
    magic, version, _status, flags, length = HEADER.unpack(header)
    wrong = (
        (magic != table.RESPONSE_MAGIC, "magic"),
        (version != table.PROTOCOL_VERSION, "version"),
        (flags != table.FLAGS, "flags"),
        (length > table.MAX_PAYLOAD, "payload_length over the limit"),
    )
    return next((f"response {name} is wrong" for is_wrong, name in wrong if is_wrong), "an error carries a payload")


def _double_fetch(executor: Executor) -> Place:
    """The instructions that read what they must not, and who called them."""
    name = operation(executor.exchanges[-1].request)
    forbidden, reads = _second_reads(executor)
    what = "the response area is read" if forbidden else "a request byte is read twice"
    chains = [tuple(parse_frame(str(frame)) for frame in chain) for chain in reads]
    lines = [f"{name}: {what}"]
    for chain in chains:
        lines += ["  by", *(f"    {frame.text}" for frame in chain)]
    chain = chains[-1] if chains else ()
    signature = (what, *(_names(chain) or (name,)))
    return Place("double-fetch", f"{what} in {_where(_of_service(chain))}", signature, chain, "\n".join(lines))


def _of_service(chain: tuple[StackFrame, ...]) -> tuple[StackFrame, ...]:
    """The chain from behind the platform's accessors on, whose lines say nothing."""
    start = next((i for i, frame in enumerate(chain) if frame.file and not frame.file.startswith("platform/")), 0)
    return chain[start:]


def _second_reads(executor: Executor) -> tuple[bool, list[tuple[Frame, ...]]]:
    """Whether the response area was read; call chains of that read, or of the two reads of a request byte.

    Goes through the exchanges again, up to the last one, which is then done with the watch and once more with hooks:
    they do not see accesses that are watched.
    """
    exchanges, target, images = executor.exchanges, executor.target, key_images()
    machine = target.machine
    target.boot(ENTROPY, images[0])
    try:
        for exchange in exchanges:
            target.set_clock(exchange.clock)
            target.write_key_image(images[exchange.image])
            if exchange is not exchanges[-1]:
                target.exchange(exchange.request)
    except (TargetStopped, CodecError):  # what the script has written to the window besides was needed
        return False, []
    target.window.post(exchanges[-1].request)
    machine.cpu.arm_watch(True)
    machine.cpu.checkpoint()
    machine.run(EXCHANGE_BUDGET)
    events = machine.cpu.watch_events()
    chains: list[tuple[Frame, ...]] = []

    def note(pc: int, _address: int, _size: int) -> None:
        registers = replace(machine.cpu.registers(), pc=pc)
        chains.append(machine.symbols.call_chain(registers.as_dict(), machine.task.read))

    if events:
        address, size = events[0].address, events[0].size
        if not size:
            address, size = address & -_ENGINE_PAGE, _ENGINE_PAGE
        rerun(machine, EXCHANGE_BUDGET, range(address, address + size), None, note)
    machine.cpu.arm_watch(False)
    machine.cpu.end_checkpoint()
    forbidden = bool(events) and events[0].forbidden
    return forbidden, chains[: 1 if forbidden else 2]

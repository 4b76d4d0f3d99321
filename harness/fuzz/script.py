# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzer's input as values: a script is a sequence of steps that build requests and send them (docs/fuzzing.md).

emulator/native/script.h reads the same format in the executor; every string of bytes is a script.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from harness.protocol import commands as table

# The limits of emulator/native/script.c.
SENDS_MAX: Final = 64  # requests of one script; repetitions are not counted
RESPONSES_KEPT: Final = 64  # answers that a REPLAY reaches back to
# `length` of a REPLAY that takes all that follows; `at`, `begin` and `length` from here on count from the end.
TO_THE_END: Final = 0xFFFF
FROM_THE_END: Final = 0x8000
BYTES_MAX: Final = 255


class Op(IntEnum):
    """What a step does, by the first byte of its encoding modulo the number of ops."""

    BYTES = 0
    FILL = 1
    REPLAY = 2
    FLIP = 3
    SEND = 4
    SEND_RAW = 5
    CLAIM = 6
    CLOCK = 7
    KEYS = 8
    WINDOW = 9
    RING = 10
    REPEAT = 11
    RACE = 12


# The arguments of each op, as struct formats: little-endian, in the order of script.h.
_FORMATS: Final[dict[Op, str]] = {
    Op.BYTES: "B",
    Op.FILL: "HB",
    Op.REPLAY: "BHH",
    Op.FLIP: "HB",
    Op.SEND: "B",
    Op.SEND_RAW: "",
    Op.CLAIM: "I",
    Op.CLOCK: "iB",
    Op.KEYS: "B",
    Op.WINDOW: "I",
    Op.RING: "",
    Op.REPEAT: "B",
    Op.RACE: "HB",
}
_STRUCTS: Final[dict[Op, struct.Struct]] = {op: struct.Struct(f"<{text}") for op, text in _FORMATS.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its op, its numbers, and for BYTES the bytes."""

    op: Op
    arguments: tuple[int, ...] = ()
    data: bytes = b""

    def encode(self) -> bytes:
        """The step's bytes in a script. Raises struct.error for numbers that do not fit."""
        if self.op is Op.BYTES:
            return bytes((Op.BYTES, len(self.data))) + self.data
        return bytes((self.op,)) + _STRUCTS[self.op].pack(*self.arguments)

    @property
    def microseconds(self) -> int:
        """How far a CLOCK steps."""
        return self.arguments[0] << self.arguments[1] % 32

    def __str__(self) -> str:
        return _LISTINGS[self.op](self)


def encode(steps: Iterable[Step]) -> bytes:
    """A script from steps."""
    return b"".join(step.encode() for step in steps)


def decode(script: bytes) -> Iterator[Step]:
    """The steps of a script, as the executor reads them: what is missing at the end reads as zero."""
    at = 0
    while at < len(script):
        op = Op(script[at] % len(Op))
        layout = _STRUCTS[op]
        arguments = layout.unpack(script[at + 1 : at + 1 + layout.size].ljust(layout.size, b"\0"))
        at = min(at + 1 + layout.size, len(script))
        data = b""
        if op is Op.BYTES:
            data = script[at : at + arguments[0]]
            at += len(data)
            arguments = (len(data),)
        yield Step(op, arguments, data)


def normal(script: bytes) -> bytes:
    """The same script in the one encoding that `encode` gives."""
    return encode(replace(step, arguments=step.arguments) for step in decode(script))


def place_in(value: int, length: int) -> int:
    """script_place of emulator/native/script.h: from FROM_THE_END on it counts from the end; at most `length`."""
    if value < FROM_THE_END:
        return min(value, length)
    return max(0, length - (0x10000 - value))


# ---- building scripts by hand ----


def literal(data: bytes) -> list[Step]:
    """Append bytes to the request that is being built."""
    pieces = (data[i : i + BYTES_MAX] for i in range(0, len(data), BYTES_MAX))
    return [Step(Op.BYTES, (len(piece),), piece) for piece in pieces]


def fill(length: int, value: int = 0) -> Step:
    """Append up to 65535 equal bytes."""
    return Step(Op.FILL, (length, value))


def replay(back: int = 0, begin: int = 0, length: int = TO_THE_END) -> Step:
    """Append a part of the payload that was answered `back` exchanges ago; negative numbers count from its end."""
    return Step(Op.REPLAY, (back, begin & 0xFFFF, length & 0xFFFF))


def flip(at: int, mask: int = 1) -> Step:
    """Change bits of what was built; a negative place counts from its end."""
    return Step(Op.FLIP, (at & 0xFFFF, mask))


def send(code: int) -> Step:
    """Send what was built as the payload of a request with a sound header."""
    return Step(Op.SEND, (code,))


def send_raw() -> Step:
    """Send what was built as it is, header included."""
    return Step(Op.SEND_RAW)


def claim(length: int) -> Step:
    """Let the header of the next SEND claim this payload length."""
    return Step(Op.CLAIM, (length,))


def clock(microseconds: int, shift: int = 0) -> Step:
    """Step the clock, forward or back, by microseconds * 2^shift."""
    return Step(Op.CLOCK, (microseconds, shift))


def keys(image: int) -> Step:
    """Write one of the prepared key images."""
    return Step(Op.KEYS, (image,))


def window(offset: int) -> Step:
    """Write what was built to a place in the window."""
    return Step(Op.WINDOW, (offset,))


def ring() -> Step:
    """Ring without a new request."""
    return Step(Op.RING)


def repeat(times: int) -> Step:
    """Send the last request again."""
    return Step(Op.REPEAT, (times,))


def race(at: int, mask: int = 0xFF) -> Step:
    """Change one byte of the next request's area right after it was read."""
    return Step(Op.RACE, (at, mask))


# ---- a script to read ----


def _place(value: int) -> str:
    return f"{value}" if value < FROM_THE_END else f"{0x10000 - value} from the end"


def _type(code: int) -> str:
    command = table.BY_CODE.get(code)
    return command.name if command else f"type {code:#04x}"


def _replay_text(step: Step) -> str:
    back, begin, length = step.arguments
    much = "all" if length == TO_THE_END else _place(length)
    return f"append of the response {back} exchanges back: from byte {_place(begin)}, length {much}"


def _bytes_text(step: Step) -> str:
    shown = step.data[:32].hex(" ")
    return f"append {len(step.data)} bytes: {shown}{' ...' if len(step.data) > 32 else ''}"


_LISTINGS: Final[dict[Op, Callable[[Step], str]]] = {
    Op.BYTES: _bytes_text,
    Op.FILL: lambda s: f"append {s.arguments[0]} times {s.arguments[1]:#04x}",
    Op.REPLAY: _replay_text,
    Op.FLIP: lambda s: f"change bits {s.arguments[1]:#04x} of byte {_place(s.arguments[0])}",
    Op.SEND: lambda s: f"send as {_type(s.arguments[0])}",
    Op.SEND_RAW: lambda _: "send as it is",
    Op.CLAIM: lambda s: f"claim a payload of {s.arguments[0]} bytes",
    Op.CLOCK: lambda s: f"clock {s.microseconds:+} us",
    Op.KEYS: lambda s: f"write key image {s.arguments[0]}",
    Op.WINDOW: lambda s: f"write it to window offset {s.arguments[0]:#x}",
    Op.RING: lambda _: "ring",
    Op.REPEAT: lambda s: f"send the last request again, {s.arguments[0]} times",
    Op.RACE: lambda s: f"change bits {s.arguments[1]:#04x} of request byte {s.arguments[0]} once it was read",
}


def listing(script: bytes) -> str:
    """A script as text, a line a step."""
    return "".join(f"{number:3}  {step}\n" for number, step in enumerate(decode(script), start=1))

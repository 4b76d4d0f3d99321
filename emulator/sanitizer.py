# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sanitized image says when it stops itself: the `sanitizer_report` that its runtime fills before a BKPT.

The runtime is firmware/sanitizer/. An image that has it is granted the board's shadow memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emulator.board import SHADOW_GRANULE, Board
from emulator.image import Image
from emulator.stop import FaultKind
from emulator.symbols import Frame

_REPORT = "sanitizer_report"
_LAYOUT = struct.Struct("<III")
_STOP = "sanitizer_stop"
# The functions of the runtime that others call: up to these the chain is cut, as the wrong access is their caller's.
_RUNTIME = (_STOP, "shadow_check_", "__asan_report_", "__ubsan_handle_", "__stack_chk_fail")

# enum sanitizer_kind of firmware/sanitizer/report.h.
_READ, _WRITE, _SMASHING = 1, 2, 3
_UNDEFINED = {
    4: "signed overflow",
    5: "division by zero or overflow in a division",
    6: "shift out of range",
    7: "overflow of a pointer",
    8: "array index out of bounds",
    9: "null pointer",
    10: "misaligned pointer",
    11: "object too small",
    12: "invalid value of a type",
    13: "null argument or result",
    14: "length of an array not positive",
    15: "unreachable code reached",
}

# Shadow bytes as the compiler and the runtime write them: left of, between and right of a function's variables; in the
# place of one that is out of scope; behind a global one.
_STACK = (0xF1, 0xF2, 0xF3)
_SCOPE = 0xF8
_GLOBAL = 0xF9


@dataclass(frozen=True, slots=True)
class Report:
    """One finding: `address` of the first wrong byte, or of the code where no byte is; `detail` in words."""

    kind: FaultKind
    address: int
    detail: str


def is_sanitized(image: Image) -> bool:
    """True for an image with the runtime."""
    return _REPORT in image.symbols and _STOP in image.symbols


def read_report(board: Board, image: Image, read: Callable[[int, int], bytes]) -> Report | None:
    """The finding of an image that has stopped at a BKPT; None where the memory holds none."""
    if not is_sanitized(image):
        return None
    number, address, size = _LAYOUT.unpack(read(image.symbols[_REPORT].address, _LAYOUT.size))
    if number in (_READ, _WRITE):
        shadow = read(address // SHADOW_GRANULE + board.shadow_offset, 2)
        access = "read" if number == _READ else "write"
        return Report(_memory_kind(shadow), address, f"{access} of {size} byte{'s' if size != 1 else ''}")
    if number == _SMASHING:
        return Report("stack smashing", address, "the guard word of this function's frame was overwritten")
    if number in _UNDEFINED:
        return Report("undefined behaviour", address, _UNDEFINED[number])
    return None


def without_runtime(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The chain from the function on that did wrong."""
    inside = [place for place, frame in enumerate(frames) if (frame.function or "").startswith(_RUNTIME)]
    return tuple(frames[inside[-1] + 1 if inside else 0 :])


def _memory_kind(shadow: bytes) -> FaultKind:
    """What the shadow of a byte says, and of the eight behind: a variable may end inside its last eight bytes."""
    reason = shadow[1] if shadow[0] < SHADOW_GRANULE else shadow[0]
    if reason in _STACK:
        return "stack-buffer-overflow"
    if reason == _SCOPE:
        return "use-after-scope"
    return "global-buffer-overflow" if reason == _GLOBAL else "poisoned access"

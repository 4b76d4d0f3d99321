# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest two tasks: one rings, the other answers, for ever. On them the cost of a task switch is measured.

Word 0 of the window is the caller's doorbell, word 1 the answerer's, which repeats what it has seen.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from types import MappingProxyType

from emulator.board import Board, TaskMap
from emulator.image import BuildInfo, Image, Segment
from emulator.l4.scheduler import Signal
from emulator.l4.system import System

_REQUEST, _RESPONSE = 0, 4
_VECTORS = struct.Struct("<II")
_WORD = struct.Struct("<I")

# ldr r0, window; again: wfi; ldr r1, [r0]; str r1, [r0, #4]; b again; nop; window:
_ANSWERER = (0x4802, 0xBF30, 0x6801, 0x6041, 0xE7FB, 0xBF00)
# ldr r0, window; movs r1, #0; again: adds r1, #1; str r1, [r0]; wait: wfi; ldr r2, [r0, #4]; cmp r2, r1; bne wait;
# b again; nop; window:
_CALLER = (0x4804, 0x2100, 0x3101, 0x6001, 0xBF30, 0x6842, 0x428A, 0xD1FB, 0xE7F8, 0xBF00)

INSTRUCTIONS_PER_ROUND = 4 + 7


def ping_pong(board: Board) -> System:
    """A system of both tasks: the service answers what the gateway rings."""
    answerer = _image(board.service, _ANSWERER, board.window.base)
    gateway, _ = board.with_gateway()
    return System(board, {board.service.name: answerer, gateway.name: caller(board)}, doorbells(board))


def caller(board: Board) -> Image:
    """The task that rings, for the gateway's place."""
    return _image(board.with_gateway()[0], _CALLER, board.window.base)


def doorbells(board: Board) -> tuple[Signal, Signal]:
    """The words at the window's start that wake the service and the gateway."""
    window = board.window.base
    gateway, _ = board.with_gateway()
    return Signal(board.service.name, window + _REQUEST), Signal(gateway.name, window + _RESPONSE)


def _image(task: TaskMap, code: tuple[int, ...], window: int) -> Image:
    """A vector table, the code behind it, and the window's address as its literal."""
    entry = task.code.base + _VECTORS.size
    data = _VECTORS.pack(task.stack.end, entry | 1) + struct.pack(f"<{len(code)}H", *code) + _WORD.pack(window)
    return Image(
        path=Path(f"ping-pong-{task.name}"),
        sha256=hashlib.sha256(data).hexdigest(),
        entry=entry,
        segments=(Segment(task.code.base, task.code.base, data, len(data), "rx"),),
        sections=(),
        symbols=MappingProxyType({}),
        all_symbols=(),
        build=BuildInfo((), None),
        contents=b"",
    )

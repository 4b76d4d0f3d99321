# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene of a difference is the first exchange that shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import capstone
import pytest

from harness.default_keys import ENTROPY, default_keys
from harness.differential.actions import Exchange, SetClock, Start
from harness.lockstep.scene import Scene, first_difference
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.base import SteppableTarget, TargetError
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget

REFUSED = codec.encode_request(0x7F)
KEYGEN = codec.mlkem_keygen(1298)
START = Start(ENTROPY, default_keys().build())
WAIT = SetClock(100_000)

UNDEFINED = bytes.fromhex("00de")

Open = Callable[[type, Path], SteppableTarget]
Instructions = Callable[[str], list[capstone.CsInsn]]
Patched = Callable[..., Path]


def test_the_scene_is_the_first_exchange_that_differs(opened: Open, movs: Instructions, patched: Patched) -> None:
    """Whatever comes behind it."""
    at = next(each for each in movs("dispatch") if each.op_str == f"r0, #{Status.INVALID_TYPE}")
    broken = opened(EmulatedTarget, patched(at))
    sound = (WAIT, Exchange(KEYGEN))
    scene = first_difference(ModelTarget(), broken, START, (*sound, Exchange(REFUSED), Exchange(KEYGEN)))
    assert scene == Scene(START, sound, REFUSED)
    with pytest.raises(TargetError, match="differ no longer"):
        first_difference(ModelTarget(), broken, START, sound)


def test_a_difference_at_boot_is_no_requests(opened: Open, instructions: Instructions, patched: Patched) -> None:
    at = instructions("rate_limiter_init")[0]
    dead = opened(EmulatedTarget, patched(at, UNDEFINED.ljust(at.size, b"\0")))
    with pytest.raises(TargetError, match="before any request"):
        first_difference(ModelTarget(), dead, START, (WAIT, Exchange(REFUSED)))

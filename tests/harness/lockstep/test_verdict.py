# SPDX-License-Identifier: GPL-2.0-or-later
"""Whom a lock-step blames, and which targets take part."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import capstone
import pytest

from harness.default_keys import ENTROPY, default_keys
from harness.differential.actions import Start
from harness.lockstep.scene import Scene
from harness.lockstep.verdict import LockStep, lock_step_named
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.base import SteppableTarget, TargetError
from harness.targets.emulated import EmulatedTarget
from harness.targets.icicle import IcicleTarget
from harness.targets.model import ModelTarget

REFUSED = codec.encode_request(0x7F)
START = Start(ENTROPY, default_keys().build())

UNDEFINED = bytes.fromhex("00de")

Open = Callable[[type, Path], SteppableTarget]
Instructions = Callable[[str], list[capstone.CsInsn]]
Patched = Callable[..., Path]
StepBoth = Callable[..., LockStep]


def test_what_both_execute_alike_and_wrongly_is_the_firmwares(
    opened: Open, movs: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    status = next(each for each in movs("dispatch") if each.op_str == f"r0, #{Status.INVALID_TYPE}")
    wrong = "expected INVALID_TYPE, got INVALID_PAYLOAD"
    for code, words in ((UNDEFINED, "stopped: undefined instruction"), (None, wrong)):
        other = patched(status, code)
        result = step_both(opened(EmulatedTarget, other), opened(IcicleTarget, other), REFUSED)
        assert (result.verdict, result.divergence) == ("firmware bug", None)
        assert words in result.reason


def test_targets_by_name_are_joined_by_another_engine(firmware: Path) -> None:
    scene = Scene(START, (), REFUSED)
    for target, against, sides in (
        ("emulated", "model", ["emulated", "icicle"]),
        ("model", "icicle", ["icicle", "emulated"]),
        ("icicle", "emulated", ["icicle", "emulated"]),
    ):
        result = lock_step_named(target, against, firmware, "an386", scene)
        assert result.as_json()["targets"] == sides
        json.dumps(result.as_json())
    with pytest.raises(TargetError, match="neither"):
        lock_step_named("model", "model", None, "an386", scene)


def test_what_cannot_be_stepped_is_refused(firmware: Path, opened: Open, step_both: StepBoth) -> None:
    with pytest.raises(TargetError, match="model cannot be stepped"):
        step_both(opened(EmulatedTarget, firmware), ModelTarget(), REFUSED)

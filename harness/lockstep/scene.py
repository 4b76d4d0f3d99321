# SPDX-License-Identifier: GPL-2.0-or-later
"""What two engines are to execute: a request, and how both come into the same state before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.compare import Match
from harness.differential.actions import Action, Exchange, SetClock, Start, WriteKeys, boot
from harness.differential.session import replay
from harness.protocol.codec import CodecError
from harness.targets.base import Target, TargetError, TargetStopped


@dataclass(frozen=True, slots=True)
class Scene:
    """A request, and how to come to where it is sent."""

    start: Start
    before: tuple[Action, ...]
    request: bytes


def first_difference(left: Target, right: Target, start: Start, actions: Sequence[Action]) -> Scene:
    """The exchange of the sequence on which the targets differ first.

    Raises TargetError where they differ at boot, before there is any, or no longer.
    """
    for count in range(len(actions) + 1):
        if not isinstance(replay(left, right, start, actions[:count]), Match):
            return scene_of(start, actions[:count])
    raise TargetError("the targets differ no longer when the sequence is repeated: there is nothing to lock-step")


def scene_of(start: Start, actions: Sequence[Action]) -> Scene:
    """The last action, which has to be an exchange, and what came before. Raises TargetError where it is none."""
    if not actions or not isinstance(actions[-1], Exchange):
        raise TargetError("the targets differ at boot, before any request: there is nothing to lock-step")
    return Scene(start, tuple(actions[:-1]), actions[-1].request)


def replay_before(scene: Scene, target: Target) -> None:
    """Boot and all actions before the scene's request. Raises TargetError for a target that stops on the way."""
    boot(scene.start, target)
    for action in scene.before:
        act(action, target)


def act(action: Action, target: Target) -> None:
    """One action, whatever is answered. Raises TargetError for a target that stops."""
    match action:
        case Exchange(request):
            try:
                target.exchange(request)
            except CodecError:
                pass  # a malformed answer is an answer
            except TargetStopped as stop:
                raise TargetError(f"target {target.name} stops before the request: {stop.description}") from None
        case SetClock(now):
            target.set_clock(now)
        case WriteKeys(image):
            target.write_key_image(image)

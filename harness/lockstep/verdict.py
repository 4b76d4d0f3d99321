# SPDX-License-Identifier: GPL-2.0-or-later
"""Lock-step of two targets, and whom it blames: an emulator, the firmware, or nobody."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from emulator.board_file import find_board
from emulator.image import Image, load_image
from emulator.symbols import Symbols
from harness.compare import Match, exchange_and_compare
from harness.lockstep.scene import Scene, replay_before
from harness.lockstep.search import Divergence, Search
from harness.protocol.codec import CodecError
from harness.targets.base import STEP, SteppableTarget, Target, TargetError, TargetStopped
from harness.targets.opening import default_firmware, open_target

Verdict = Literal["emulator doubt", "firmware bug", "no difference"]


@dataclass(frozen=True, slots=True)
class LockStep:
    """What came of it. `instructions` is how many were executed on both sides, up to the difference or the answer."""

    left: str
    right: str
    request: bytes
    instructions: int
    divergence: Divergence | None
    verdict: Verdict
    reason: str

    def as_json(self) -> dict[str, object]:
        """The shape that `hil diff --lock-step --json` promises."""
        found = self.divergence
        where = found and {
            "address": found.address,
            "instruction": found.instruction,
            "place": found.place,
            "differing": {pair.name: {self.left: pair.left, self.right: pair.right} for pair in found.differing},
            "stopped": found.stopped,
        }
        return {
            "targets": [self.left, self.right],
            "request": self.request.hex(),
            "instructions": self.instructions,
            "divergence": where,
            "verdict": self.verdict,
            "reason": self.reason,
        }

    def report(self) -> str:
        """Several lines, for people."""
        lines = [f"lock-step of {self.left} and {self.right}: {self.verdict}", f"  {self.reason}"]
        found = self.divergence
        if found is not None:
            lines.append(f"  {found.address:#010x}  {found.instruction}")
            lines.append(f"  in {found.place}, behind {self.instructions} instructions that agree")
            lines += [
                f"    {pair.name:>10}  {self.left} {pair.left:08x}  {self.right} {pair.right:08x}"
                for pair in found.differing
            ]
            if found.stopped:
                lines.append(f"    {found.stopped}")
        else:
            lines.append(f"  {self.instructions} instructions, the same registers behind each that was compared")
        return "\n".join(lines)


def lock_step(left: Target, right: Target, model: Target, image: Image, scene: Scene) -> LockStep:
    """Executes the scene's request on both sides, which run `image`; the model says what the answer has to be.

    Raises TargetError for a target that cannot be stepped, or a scene that cannot be replayed.
    """
    search = Search(_steppable(left), _steppable(right), Symbols(image), scene)
    divergence = search.find()
    verdict, reason = _judge(search, model, divergence)
    return LockStep(left.name, right.name, search.scene.request, search.instructions, divergence, verdict, reason)


def lock_step_named(target: str, against: str, firmware: Path | None, board_name: str, scene: Scene) -> LockStep:
    """Lock-step of two targets by name, opened for it.

    In the place of a target that is no engine comes another one: icicle beside the emulated target, else the emulated.
    Raises TargetError as `lock_step` does, and where neither is an engine.
    """
    with ExitStack() as opened:

        def opening(name: str) -> Target:
            made = open_target(name, firmware, board_name)
            opened.callback(made.close)
            return made

        sides = [side for side in map(opening, dict.fromkeys((target, against))) if STEP in side.capabilities]
        if not sides:
            raise TargetError(f"neither {target} nor {against} can be stepped: name an engine, such as emulated")
        if len(sides) == 1:
            sides.append(opening("icicle" if sides[0].name == "emulated" else "emulated"))
        path = firmware or default_firmware(board_name)
        image = load_image(path, find_board(board_name, path))
        return lock_step(sides[0], sides[1], opening("model"), image, scene)


def _steppable(target: Target) -> SteppableTarget:
    if STEP not in target.capabilities:
        raise TargetError(f"target {target.name} cannot be stepped: lock-step takes emulated, icicle or a debugger's")
    return cast(SteppableTarget, target)


def _judge(search: Search, model: Target, divergence: Divergence | None) -> tuple[Verdict, str]:
    names = f"{search.left.name} and {search.right.name}"
    if divergence is not None:
        return "emulator doubt", f"{names} executed the same code on the same state, and it did not become the same"
    replay_before(search.scene, model)
    try:
        expected = model.exchange(search.scene.request)
    except (TargetStopped, CodecError) as error:
        raise TargetError(f"target {model.name} has no answer to compare with: {error}") from None
    verdicts = []
    for target in (search.left, search.right):
        replay_before(search.scene, target)
        verdicts.append(exchange_and_compare(target, search.scene.request, expected))
    matches = [isinstance(verdict, Match) for verdict in verdicts]
    if all(matches):
        return "no difference", f"{names} execute it alike, and answer as the model demands"
    if any(matches):
        wrong = search.right if matches[0] else search.left
        other = verdicts[1] if matches[0] else verdicts[0]
        return "emulator doubt", f"no register differs, yet {wrong.name} alone answers wrongly ({other}): a store does"
    return "firmware bug", f"{names} execute it alike, and the model demands another answer: {verdicts[0]}"

# SPDX-License-Identifier: GPL-2.0-or-later
"""The first instruction behind which two engines are no longer in the same state.

Both are brought into the same state, by a boot and the same requests before. Where both can leap, their registers and
memory are compared at wide intervals, then at narrow ones from where they were last the same, and only the rest is
stepped: millions of instructions are feasible, and what is named is the cause and no consequence, since everything was
equal before. Otherwise each instruction is stepped, and only registers are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from emulator.symbols import Symbols
from harness.differential.actions import Exchange, boot
from harness.instructions import Code
from harness.lockstep.scene import Scene, act, replay_before, scene_of
from harness.targets.base import LEAP, LeapingTarget, SteppableTarget, TargetStopped

LEAPS = (1 << 20, 1 << 14, 1 << 10)
# Behind the budget of an exchange, and half an hour of single steps.
STEPS_MAX = 50_000_000

REGISTERS = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "xpsr")
_PC = REGISTERS.index("pc")
_MEETING_STEPS = 256


@dataclass(frozen=True, slots=True)
class Pair:
    """A register, or the byte at an address, that the sides have otherwise."""

    name: str
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Divergence:
    """The instruction behind which the sides are no longer the same. `stopped` says what became of one that stopped."""

    address: int
    instruction: str
    place: str
    differing: tuple[Pair, ...]
    stopped: str = ""


class Search:
    """For where two sides part. `instructions` counts those that agree; `scene` may move to an earlier request."""

    def __init__(self, left: SteppableTarget, right: SteppableTarget, symbols: Symbols, scene: Scene) -> None:
        self.left = left
        self.right = right
        self.symbols = symbols
        self.code = Code(symbols.image)
        self.scene = scene
        self.instructions = 0
        self._ignored: set[str] = set()
        self._leaps: list[int] = []

    def find(self) -> Divergence | None:
        """The first divergence; None when both come to an answer, or to the same stop, alike."""
        leapers = self._leapers()
        if leapers is None:
            self._rewind(())
            self._meet()
            return self._walk(STEPS_MAX)
        self._move_to_first_difference(*leapers)
        for size in LEAPS:
            self._rewind(leapers)
            if self._leap_while_equal(*leapers, size):
                self.instructions = sum(self._leaps)
                return None
        self._rewind(leapers)
        self.instructions = sum(self._leaps)
        return self._walk(2 * LEAPS[-1]) or self._in_memory(*leapers)

    # ---- leaps ----

    def _leapers(self) -> tuple[LeapingTarget, LeapingTarget] | None:
        """Who leads and who follows: the one that leaps exactly goes as far as the other went."""
        if not all(LEAP in target.capabilities for target in (self.left, self.right)):
            return None
        pair = cast(tuple[LeapingTarget, LeapingTarget], (self.left, self.right))
        if pair[1].leaps_exactly:
            return pair
        return pair[::-1] if pair[0].leaps_exactly else None

    def _move_to_first_difference(self, lead: LeapingTarget, follow: LeapingTarget) -> None:
        """Where the state differs behind an earlier request already, that one is to be stepped."""
        boot(self.scene.start, lead, follow)
        for index, action in enumerate(self.scene.before):
            act(action, lead)
            act(action, follow)
            if isinstance(action, Exchange) and not _same(lead, follow):
                self.scene = scene_of(self.scene.start, self.scene.before[: index + 1])
                return

    def _rewind(self, leapers: Sequence[LeapingTarget]) -> None:
        """Both at the last place where they are known to be the same."""
        for target in (self.left, self.right):
            replay_before(self.scene, target)
            target.begin(self.scene.request)
        for count in self._leaps:
            for target in leapers:
                target.leap(count)

    def _leap_while_equal(self, lead: LeapingTarget, follow: LeapingTarget, size: int) -> bool:
        """Whether they were the same up to the answer; `_leaps` keeps the leaps behind which they were."""
        while not (lead.answered() and follow.answered()):
            try:
                count = lead.leap(size)
                if not count or follow.leap(count) != count or not _same(lead, follow):
                    return False
            except TargetStopped:
                return False
            self._leaps.append(count)
        return True

    def _in_memory(self, lead: LeapingTarget, follow: LeapingTarget) -> Divergence | None:
        """No register differs within the last leap: the bytes that do behind it, and the last store to the first."""
        self._rewind((lead, follow))
        self.instructions = sum(self._leaps)
        try:
            follow.leap(lead.leap(LEAPS[-1]))
        except TargetStopped:
            return None
        memories = dict(self._leaper_memory(0)), dict(self._leaper_memory(1))
        places = [
            (base + offset, data[offset], memories[1][base][offset])
            for base, data in memories[0].items()
            for offset in _differing(data, memories[1][base])
        ]
        if not places:
            return None
        pairs = tuple(Pair(f"{address:#010x}", left, right) for address, left, right in places)
        self._rewind((lead, follow))
        return self._divergence(self._last_store(places[0][0]), pairs)

    def _last_store(self, place: int) -> int:
        """The address of the last instruction of the last leap that stores to `place`; where the leap begins, if none.

        The registers of both sides are the same: those of one are enough.
        """
        found = self.left.registers()[_PC]
        for count in range(LEAPS[-1]):
            registers = self.left.registers()
            if self.left.answered():
                break
            if place in self.code.stores(registers[_PC], registers):
                found = registers[_PC]
                self.instructions = sum(self._leaps) + count
            self.left.step()
        return found

    def _leaper_memory(self, side: int) -> tuple[tuple[int, bytes], ...]:
        return cast(LeapingTarget, (self.left, self.right)[side]).memory()

    # ---- steps ----

    def _meet(self) -> None:
        """Sides that wait at different places of the idle loop go on to a common one.

        What differs there is what the loop left behind: it is not compared until it is the same once.
        """
        for one, other in ((self.left, self.right), (self.right, self.left)):
            for _ in range(_MEETING_STEPS):
                if one.registers()[_PC] == other.registers()[_PC]:
                    break
                one.step()
        self._ignored = {pair.name for pair in _pairs(self.left.registers(), self.right.registers())}

    def _walk(self, limit: int) -> Divergence | None:
        """Step by step, up to an answer, a divergence, or `limit` steps."""
        for _ in range(limit):
            if self.left.answered() or self.right.answered():
                return None
            address = self.left.registers()[_PC]
            stops = [_stop_of(target) for target in (self.left, self.right)]
            if any(stops):
                return self._judge_stops(address, stops)
            address = self._pass_over_skipped(address)
            pairs = _pairs(self.left.registers(), self.right.registers())
            self._ignored &= {pair.name for pair in pairs}
            if any(pair.name not in self._ignored for pair in pairs):
                return self._divergence(address, pairs)
            self.instructions += 1
        return None

    def _judge_stops(self, address: int, stops: list[str | None]) -> Divergence | None:
        """Both sides stopping is what the code does; one alone is a divergence."""
        if all(stops):
            return None
        side = self.left.name if stops[0] else self.right.name
        stopped = next(stop for stop in stops if stop)
        pairs = _pairs(self.left.registers(), self.right.registers())
        return self._divergence(address, pairs, f"{side} stopped: {stopped.splitlines()[0]}")

    def _pass_over_skipped(self, address: int) -> int:
        """One engine steps over what an If-Then block skips, the other through it; the last address executed."""
        for _ in range(4):
            left, right = (target.registers()[_PC] for target in (self.left, self.right))
            behind, pc = (self.left, left) if left < right else (self.right, right)
            if left == right or not self.code.in_if_then_block(pc):
                break
            if _stop_of(behind) is not None:
                break
            address = pc
        return address

    # ---- what is told ----

    def _divergence(self, address: int, pairs: tuple[Pair, ...], stopped: str = "") -> Divergence:
        return Divergence(address, self.code.text(address), self.symbols.describe(address), pairs, stopped)


def _stop_of(target: SteppableTarget) -> str | None:
    try:
        target.step()
    except TargetStopped as stop:
        return stop.description
    return None


def _pairs(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[Pair, ...]:
    return tuple(Pair(name, a, b) for name, a, b in zip(REGISTERS, left, right, strict=True) if a != b)


def _same(left: LeapingTarget, right: LeapingTarget) -> bool:
    return left.registers() == right.registers() and left.memory() == right.memory()


def _differing(left: bytes, right: bytes, limit: int = 8) -> list[int]:
    """Offsets of the first bytes that differ."""
    if left == right:
        return []
    return [offset for offset, (a, b) in enumerate(zip(left, right, strict=True)) if a != b][:limit]

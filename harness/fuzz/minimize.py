# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a failing script as short and as plain as it can be: steps first, then what the steps hold.

Delta debugging (Zeller and Hildebrandt, 2002) over the steps, then over the bytes of each; between the two, numbers are
tried at 0, at the halves and one below. Every change that is kept makes the script smaller by `_weight`, so it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from harness.fuzz.script import BYTES_MAX, Op, Step, decode, encode, fill, normal, place_in

RUNS: Final = 4000
_SENDING: Final = (Op.SEND, Op.SEND_RAW, Op.WINDOW)  # behind these another request is built

StillFails = Callable[[bytes], bool]
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Minimized:
    """`complete` is False where the number of runs was used up before nothing could be left out any more."""

    script: bytes
    runs: int
    complete: bool


class _OutOfRuns(Exception):
    """The bound on the number of executions is reached."""


def minimize(script: bytes, still_fails: StillFails, runs: int = RUNS) -> Minimized:
    """The smallest script found for which `still_fails` is true, with at most `runs` calls of it.

    When complete, no single step can be left out. Raises ValueError where `script` itself does not fail.
    """
    search = _Search(still_fails, runs)
    if not search.fails(script):
        raise ValueError("the script does not fail: there is nothing to minimise")
    search.best = script
    try:
        if not search.fails(normal(script)):
            return Minimized(script, search.runs, complete=False)
        search.best = normal(script)
        while True:
            before = search.best
            search.drop_steps()
            search.fold_flips()
            search.merge_steps()
            search.simplify_steps()
            if search.best == before:
                return Minimized(search.best, search.runs, complete=True)
    except _OutOfRuns:
        return Minimized(search.best, search.runs, complete=False)


def shortened(items: Sequence[_Item], still: Callable[[list[_Item]], bool]) -> list[_Item]:
    """Leave out runs of items, halving their length down to single ones, until no single one can be left out."""
    kept, size = list(items), max(1, len(items) // 2)
    while True:
        removed = False
        begin = 0
        while begin < len(kept):
            candidate = kept[:begin] + kept[begin + size :]
            if still(candidate):
                kept, removed = candidate, True
            else:
                begin += size
        if size > 1:
            size //= 2
        elif not removed:
            return kept


class _Search:
    """The best script so far, and what was tried."""

    def __init__(self, still_fails: StillFails, most: int) -> None:
        self._still_fails = still_fails
        self._most = most
        self._known: dict[bytes, bool] = {}
        self.runs = 0
        self.best = b""

    def fails(self, script: bytes) -> bool:
        """Ask, once for each script. Raises _OutOfRuns."""
        if script not in self._known:
            if self.runs >= self._most:
                raise _OutOfRuns
            self.runs += 1
            self._known[script] = self._still_fails(script)
        return self._known[script]

    def _try(self, steps: Sequence[Step]) -> bool:
        """Keep the steps if they fail, and are smaller than the best."""
        script = encode(steps)
        if _weight(steps) >= _weight(self._steps) or not self.fails(script):
            return False
        self.best = script
        return True

    @property
    def _steps(self) -> list[Step]:
        return list(decode(self.best))

    def drop_steps(self) -> None:
        """Leave out what is not needed, down to single steps."""
        shortened(self._steps, self._try)

    def fold_flips(self) -> None:
        """Change bits where the bytes are written down, in the place of a step that changes them."""
        place = 0
        while place < len(steps := self._steps):
            folded = _folded(steps, place)
            if folded is None or not self._try(folded):
                place += 1

    def merge_steps(self) -> None:
        """Join neighbours that do the same."""
        place = 0
        while place + 1 < len(steps := self._steps):
            joined = _joined(steps[place], steps[place + 1])
            if joined is None or not self._try([*steps[:place], joined, *steps[place + 2 :]]):
                place += 1

    def simplify_steps(self) -> None:
        """Make bytes fewer and zero, and numbers small, one step after the other."""
        for place in range(len(self._steps)):
            self._shorten_bytes(place)
            self._zero_bytes(place)
            self._fill_instead(place)
            for argument in range(len(self._steps[place].arguments)):
                self._lower_number(place, argument)

    def _replaced(self, place: int, step: Step) -> bool:
        steps = self._steps
        return self._try([*steps[:place], step, *steps[place + 1 :]])

    def _shorten_bytes(self, place: int) -> None:
        step = self._steps[place]
        if step.op is Op.BYTES:
            shortened(step.data, lambda data: self._replaced(place, _literal(bytes(data))))

    def _zero_bytes(self, place: int) -> None:
        """Whole, then in halves: what has to be another value stays."""
        step = self._steps[place]
        if step.op is not Op.BYTES:
            return
        pieces = [(0, len(step.data))]
        while pieces:
            begin, end = pieces.pop()
            data = self._steps[place].data
            if not any(data[begin:end]):
                continue
            zeroed = data[:begin] + bytes(end - begin) + data[end:]
            if not self._replaced(place, _literal(zeroed)) and end - begin > 1:
                middle = (begin + end) // 2
                pieces += [(begin, middle), (middle, end)]

    def _fill_instead(self, place: int) -> None:
        step = self._steps[place]
        if step.op is Op.BYTES and len(set(step.data)) == 1:
            self._replaced(place, fill(len(step.data), step.data[0]))

    def _lower_number(self, place: int, argument: int) -> None:
        """0, then as near to 0 as halving and counting down get."""
        step = self._steps[place]
        if step.op is Op.BYTES:
            return
        for value in _lower(step.arguments[argument]):
            now = self._steps[place].arguments
            self._replaced(place, replace(step, arguments=(*now[:argument], value, *now[argument + 1 :])))


def _weight(steps: Sequence[Step]) -> tuple[int, int, int, int]:
    """What is to become smaller: steps, bytes, bytes that are not zero, numbers."""
    numbers = sum(abs(number) for step in steps for number in step.arguments)
    return len(steps), len(encode(steps)), sum(sum(map(bool, step.data)) for step in steps), numbers


def _lower(value: int) -> Iterator[int]:
    """Numbers nearer to 0, the boldest first; the first that fails is kept, as the others are no smaller."""
    sign = -1 if value < 0 else 1
    low, high = 0, abs(value)
    while low < high:
        yield sign * low
        low += max(1, (high - low) // 2)


def _literal(data: bytes) -> Step:
    return Step(Op.BYTES, (len(data),), data)


def _folded(steps: Sequence[Step], place: int) -> list[Step] | None:
    """The steps without the FLIP at `place`, whose bits are changed in the step that appends the byte.

    None where no step that holds it can be told: behind a REPLAY, or in more equal bytes than a literal may have.
    """
    if steps[place].op is not Op.FLIP:
        return None
    first = place
    while first > 0 and steps[first - 1].op not in _SENDING:
        first -= 1
    building = [i for i in range(first, place) if steps[i].op in (Op.BYTES, Op.FILL, Op.REPLAY)]
    if any(steps[i].op is Op.REPLAY for i in building):
        return None
    at, mask = steps[place].arguments
    at = place_in(at, sum(steps[i].arguments[0] for i in building))
    for i in building:
        length = steps[i].arguments[0]
        if at < length:
            if length > BYTES_MAX:
                return None
            data = bytearray(steps[i].data if steps[i].op is Op.BYTES else bytes([steps[i].arguments[1]]) * length)
            data[at] ^= mask
            return [*steps[:i], _literal(bytes(data)), *steps[i + 1 : place], *steps[place + 1 :]]
        at -= length
    return None


def _joined(one: Step, other: Step) -> Step | None:
    """One step in the place of two, where they do the same."""
    if one.op is Op.BYTES is other.op and len(one.data) + len(other.data) <= BYTES_MAX:
        return _literal(one.data + other.data)
    if one.op is Op.FILL is other.op and one.arguments[1] == other.arguments[1]:
        return fill(min(0xFFFF, one.arguments[0] + other.arguments[0]), one.arguments[1])
    if one.op is Op.CLOCK is other.op and one.arguments[1] == other.arguments[1]:
        sum_of_both = one.arguments[0] + other.arguments[0]
        return Step(Op.CLOCK, (sum_of_both, one.arguments[1])) if abs(sum_of_both) < 1 << 31 else None
    if one.op is Op.REPEAT is other.op and one.arguments[0] + other.arguments[0] < 256:
        return Step(Op.REPEAT, (one.arguments[0] + other.arguments[0],))
    return None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Run random sequences on two targets and shorten the first one on which they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from harness.compare import Match, Mismatch, Stopped, Verdict
from harness.differential.actions import Action, Exchange, Start, apply, boot
from harness.differential.generator import Generator
from harness.protocol.codec import CodecError, Response
from harness.targets.base import Target, TargetStopped

# A new boot, entropy and keys after so many requests: long enough for deep states, short enough to shorten.
EPISODE_REQUESTS = 500
SHORTENING_RUNS = 400


class Episode(Protocol):
    """What draws the actions of one episode: Generator, or something more special."""

    @property
    def start(self) -> Start:
        """Where the sequence begins."""

    def actions(self) -> Iterator[Action]:
        """Actions without end."""

    def learn(self, response: Response) -> None:
        """Take note of the reference's answer, before the next action is drawn."""


# Seed and number of the episode -> the episode.
Episodes = Callable[[int, int], Episode]


@dataclass(frozen=True, slots=True)
class Difference:
    """The shortest sequence found on which the targets differ, and how."""

    episode: int
    start: Start
    actions: tuple[Action, ...]
    verdict: str

    def as_json(self) -> dict[str, object]:
        """For `hil diff --json`: enough to see and to repeat it."""
        return {
            "episode": self.episode,
            "verdict": self.verdict,
            "entropy": self.start.entropy.hex(),
            "actions": [str(action) for action in self.actions],
            "request": next((a.request.hex() for a in reversed(self.actions) if isinstance(a, Exchange)), ""),
        }


@dataclass(frozen=True, slots=True)
class DiffResult:
    """`differences` counts episodes in which the targets differed; `first` is the first of them, shortened."""

    requests: int
    differences: int
    first: Difference | None

    def as_json(self) -> dict[str, object]:
        """The shape that `hil diff --json` promises."""
        return {
            "requests": self.requests,
            "differences": self.differences,
            "first": self.first.as_json() if self.first else None,
        }


def run_diff(
    left: Target,
    right: Target,
    count: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
    episodes: Episodes = Generator,
) -> DiffResult:
    """Send `count` random requests to both targets; `left` is the reference whose answers steer the sequence."""
    sent = differences = episode = 0
    first: Difference | None = None
    while sent < count:
        done, verdict, start, actions = _run_episode(left, right, episodes(seed, episode), count - sent)
        sent += done
        if not isinstance(verdict, Match):
            differences += 1
            if first is None:
                first = shorten(left, right, Difference(episode, start, actions, str(verdict)))
        episode += 1
        progress(sent)
    return DiffResult(sent, differences, first)


def _run_episode(
    left: Target, right: Target, generator: Episode, limit: int
) -> tuple[int, Verdict, Start, tuple[Action, ...]]:
    start = generator.start
    done: list[Action] = []
    sent = 0
    boot(start, left, right)
    for action in generator.actions():
        done.append(action)
        response, verdict = _judge(action, left, right)
        if isinstance(action, Exchange):
            sent += 1
        if not isinstance(verdict, Match):
            return sent, verdict, start, tuple(done)
        if response is not None:
            generator.learn(response)
        if sent == min(limit, EPISODE_REQUESTS):
            break
    return sent, Match(), start, tuple(done)


def _judge(action: Action, left: Target, right: Target) -> tuple[Response | None, Verdict]:
    try:
        return apply(action, left, right)
    except TargetStopped as stop:
        return None, Stopped(f"{left.name}: {stop.description}")
    except CodecError as error:
        return None, Mismatch("response", f"a sound response of {left.name}", str(error))


def replay(left: Target, right: Target, start: Start, actions: Iterable[Action]) -> Verdict:
    """Boot both and do the actions; the first verdict that is no match, else a match."""
    try:
        boot(start, left, right)
    except TargetStopped as stop:
        return Stopped(stop.description)
    for action in actions:
        _, verdict = _judge(action, left, right)
        if not isinstance(verdict, Match):
            return verdict
    return Match()


def shorten(left: Target, right: Target, found: Difference) -> Difference:
    """Drop actions while the targets still differ (delta debugging), within SHORTENING_RUNS replays."""
    actions, verdict = list(found.actions), found.verdict
    runs, size = 0, max(1, len(actions) // 2)
    while runs < SHORTENING_RUNS:
        shorter = None
        for begin in range(0, len(actions) - 1, size):
            candidate = [*actions[:begin], *actions[min(begin + size, len(actions) - 1) :]]
            runs += 1
            result = replay(left, right, found.start, candidate)
            if not isinstance(result, Match):
                shorter, verdict = candidate, str(result)
                break
            if runs == SHORTENING_RUNS:
                break
        if shorter is not None:
            actions = shorter
            size = max(1, min(size, len(actions) // 2))
        elif size == 1:
            break
        else:
            size //= 2
    return Difference(found.episode, found.start, tuple(actions), verdict)

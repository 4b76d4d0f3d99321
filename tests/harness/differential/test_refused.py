# SPDX-License-Identifier: GPL-2.0-or-later
"""Refused requests: every one is refused, in every way that there is, and the same seed gives the same sequence."""

from itertools import islice

from harness.differential.actions import Action, Exchange, SetClock
from harness.differential.refused import RefusedRequests
from harness.differential.session import run_diff
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.model import ModelTarget
from harness.targets.native import NativeTarget
from harness.targets.opening import default_native


def drawn(seed: int, episode: int, count: int = 400) -> list[Action]:
    return list(islice(RefusedRequests(seed, episode).actions(), count))


class Listening(ModelTarget):
    """The model, which keeps what it has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[Status] = []

    def exchange(self, request: bytes) -> Response:
        response = super().exchange(request)
        self.statuses.append(response.status)
        return response


def test_each_is_refused_and_each_check_has_its_turn() -> None:
    reference, native = Listening(), NativeTarget(default_native())
    result = run_diff(reference, native, 2000, 1, episodes=RefusedRequests)
    native.close()
    assert (result.requests, result.first) == (2000, None)
    assert set(reference.statuses) == {
        Status.RATE_LIMITED,
        Status.INVALID_HEADER,
        Status.INVALID_TYPE,
        Status.PAYLOAD_TOO_LARGE,
    }


def test_seed_and_episode_decide() -> None:
    assert drawn(1, 0) == drawn(1, 0)
    assert drawn(1, 0) != drawn(1, 1)
    assert drawn(1, 0) != drawn(2, 0)


def test_a_step_of_the_clock_goes_before_each() -> None:
    assert [type(action) for action in drawn(1, 0, 6)] == [SetClock, Exchange] * 3

# SPDX-License-Identifier: GPL-2.0-or-later
"""Differential runs: agreement on the real firmware, and a planted difference found and shortened."""

from harness.compare import Match
from harness.differential.actions import Exchange
from harness.differential.session import replay, run_diff
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget


class WrongOnSecondSuccess(ModelTarget):
    """A service with a defect that needs a history: after one success, further ones are off by a byte."""

    def __init__(self) -> None:
        super().__init__()
        self.successes = 0

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        self.successes = 0
        super().boot(entropy, key_image)

    def exchange(self, request: bytes) -> Response:
        response = super().exchange(request)
        if response.status is Status.SUCCESS:
            self.successes += 1
            if self.successes > 1:
                return Response(Status.SUCCESS, response.payload + b"!")
        return response


def test_firmware_and_model_agree(emulated: EmulatedTarget) -> None:
    seen = []
    result = run_diff(ModelTarget(), emulated, 2000, seed=3, progress=seen.append)
    assert (result.requests, result.differences, result.first) == (2000, 0, None)
    assert seen[-1] == 2000


def test_a_planted_difference_is_found_and_shortened_to_what_it_needs() -> None:
    wrong = WrongOnSecondSuccess()
    result = run_diff(ModelTarget(), wrong, 300, seed=1)
    assert result.differences > 1
    first = result.first
    assert first is not None
    assert len([action for action in first.actions if isinstance(action, Exchange)]) == 2
    assert first.verdict.startswith("payload_length")
    assert not isinstance(replay(ModelTarget(), wrong, first.start, first.actions), Match)
    assert result.as_json()["first"] == first.as_json()


def test_the_same_seed_sends_the_same_requests() -> None:
    class Recording(ModelTarget):
        def __init__(self) -> None:
            super().__init__()
            self.sent: list[bytes] = []

        def exchange(self, request: bytes) -> Response:
            self.sent.append(request)
            return super().exchange(request)

    sent = []
    for seed in (1, 1, 2):
        target = Recording()
        run_diff(ModelTarget(), target, 200, seed)
        sent.append(target.sent)
    assert sent[0] == sent[1] != sent[2]


def test_random_requests_reach_every_status(emulated: EmulatedTarget) -> None:
    statuses = set()

    class Watching(ModelTarget):
        def exchange(self, request: bytes) -> Response:
            response = super().exchange(request)
            statuses.add(response.status)
            return response

    run_diff(Watching(), ModelTarget(), 3000, seed=1)
    assert statuses == set(Status)


def test_a_target_that_gives_no_sound_answer_is_a_difference() -> None:
    class Malformed(ModelTarget):
        def exchange(self, request: bytes) -> Response:
            return codec.decode_response(b"\0" * 8)

    result = run_diff(ModelTarget(), Malformed(), 10, seed=1)
    assert result.first is not None
    assert result.first.verdict.startswith("response")

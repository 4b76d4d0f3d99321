# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's side of the window, without any service."""

import pytest

from harness.protocol.codec import CodecError, Response, encode_response
from harness.protocol.commands import WINDOW_REQUEST, WINDOW_RESPONSE, WINDOW_SIZE, Status
from harness.targets.window import NoAnswerError, Window


@pytest.fixture
def window() -> Window:
    return Window(memoryview(bytearray(WINDOW_SIZE)))


def answer(window: Window, response: Response) -> None:
    """What a sound service does."""
    encoded = encode_response(response)
    window.memory[WINDOW_RESPONSE : WINDOW_RESPONSE + len(encoded)] = encoded
    window.memory[4:8] = window.memory[0:4]


def test_post_writes_the_request_and_then_rings(window: Window) -> None:
    window.post(b"request")
    assert bytes(window.memory[WINDOW_REQUEST : WINDOW_REQUEST + 8]) == b"request\0"
    assert (window.doorbell, window.response_doorbell) == (1, 0)


def test_the_doorbell_wraps(window: Window) -> None:
    window.ring(0xFFFF_FFFF)
    window.post(b"")
    assert window.doorbell == 0


def test_take_decodes_and_clears_the_request(window: Window) -> None:
    window.post(b"request")
    answer(window, Response(Status.SUCCESS, b"result"))
    assert window.take() == Response(Status.SUCCESS, b"result")
    assert not any(window.request_area)


def test_an_unanswered_doorbell_is_told(window: Window) -> None:
    window.post(b"request")
    with pytest.raises(NoAnswerError, match="request doorbell 1, response doorbell 0"):
        window.take()


def test_a_malformed_response_is_a_codec_error(window: Window) -> None:
    window.post(b"request")
    window.memory[4:8] = window.memory[0:4]
    with pytest.raises(CodecError, match="magic"):
        window.take()


def test_a_request_larger_than_the_area_does_not_fit(window: Window) -> None:
    with pytest.raises(ValueError, match="structure"):
        window.post(bytes(65545))

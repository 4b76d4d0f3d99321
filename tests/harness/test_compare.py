# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts."""

import pytest

from harness.compare import Match, Mismatch, Stopped, Verdict, compare, exchange_and_compare
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.base import TargetStopped
from harness.targets.model import ModelTarget

OK = Response(Status.SUCCESS, b"abc")


@pytest.mark.parametrize(
    ("got", "verdict", "text"),
    [
        (Response(Status.SUCCESS, b"abc"), Match(), "as expected"),
        (
            Response(Status.NONCE_REUSE),
            Mismatch("status", Status.SUCCESS, Status.NONCE_REUSE),
            "status: expected SUCCESS, got NONCE_REUSE",
        ),
        (Response(Status.SUCCESS, b"ab"), Mismatch("payload_length", 3, 2), "payload_length: expected 3, got 2"),
        (
            Response(Status.SUCCESS, b"abd"),
            Mismatch("payload", b"abc", b"abd"),
            "payload: differs from byte 2 of 3 on",
        ),
    ],
)
def test_compare(got: Response, verdict: Verdict, text: str) -> None:
    assert compare(OK, got) == verdict
    assert str(verdict) == text


class FaultingTarget(ModelTarget):
    """Never answers."""

    def exchange(self, request: bytes) -> Response:
        raise TargetStopped("unmapped read of 0x0 at pc 0x100")


class GarblingTarget(ModelTarget):
    """Answers with another magic."""

    def exchange(self, request: bytes) -> Response:
        return codec.decode_response(b"\xc7" + codec.encode_response(super().exchange(request))[1:])


def booted(target: ModelTarget) -> ModelTarget:
    target.boot(bytes(range(48)), b"")
    return target


def test_answer_as_expected() -> None:
    assert exchange_and_compare(booted(ModelTarget()), b"", Response(Status.INVALID_HEADER)) == Match()


def test_stop_is_a_verdict() -> None:
    verdict = exchange_and_compare(booted(FaultingTarget()), b"", OK)
    assert verdict == Stopped("unmapped read of 0x0 at pc 0x100")
    assert str(verdict) == "stopped: unmapped read of 0x0 at pc 0x100"


def test_malformed_answer_is_a_verdict() -> None:
    verdict = exchange_and_compare(booted(GarblingTarget()), b"", Response(Status.INVALID_HEADER))
    assert verdict == Mismatch("response", Status.INVALID_HEADER, "response magic is 0xC7, not 0xC8")

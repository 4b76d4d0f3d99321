# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts: how a target's answer relates to the one that the contract demands."""

from dataclasses import dataclass

from harness.protocol.codec import CodecError, Response
from harness.protocol.commands import Status
from harness.targets.base import Target, TargetStopped


@dataclass(frozen=True, slots=True)
class Match:
    """The answer is the expected one, bit for bit."""

    def __str__(self) -> str:
        return "as expected"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first thing that differs: `response` (malformed), `status`, `payload_length` or `payload`."""

    field: str
    expected: Status | int | bytes | str
    got: Status | int | bytes | str

    def __str__(self) -> str:
        if isinstance(self.expected, bytes) and isinstance(self.got, bytes):
            pairs = zip(self.expected, self.got, strict=False)
            first = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(self.expected), len(self.got)))
            return f"{self.field}: differs from byte {first} of {len(self.expected)} on"
        return f"{self.field}: expected {_text(self.expected)}, got {_text(self.got)}"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The target gave no answer."""

    description: str

    def __str__(self) -> str:
        return f"stopped: {self.description}"


Verdict = Match | Mismatch | Stopped

_MATCH = Match()


def compare(expected: Response, got: Response) -> Verdict:
    """Match, or the first difference in the order status, payload_length, payload."""
    if expected == got:
        return _MATCH
    if expected.status != got.status:
        return Mismatch("status", expected.status, got.status)
    if len(expected.payload) != len(got.payload):
        return Mismatch("payload_length", len(expected.payload), len(got.payload))
    return Mismatch("payload", expected.payload, got.payload)


def exchange_and_compare(target: Target, request: bytes, expected: Response) -> Verdict:
    """The verdict on `target`'s answer to `request`: a guest that stops and a malformed answer are verdicts too."""
    try:
        got = target.exchange(request)
    except TargetStopped as stop:
        return Stopped(stop.description)
    except CodecError as error:
        return Mismatch("response", expected.status, str(error))
    return compare(expected, got)


def _text(value: Status | int | bytes | str) -> str:
    return value.name if isinstance(value, Status) else str(value)

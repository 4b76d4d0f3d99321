# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done to a target, as values that can be replayed, shortened and written down."""

from __future__ import annotations

from dataclasses import dataclass

from harness.compare import Match, Verdict, exchange_and_compare
from harness.protocol.codec import Response
from harness.targets.base import Target


@dataclass(frozen=True, slots=True)
class Exchange:
    """Send these bytes of the request area and take the answer."""

    request: bytes

    def __str__(self) -> str:
        shown = self.request[:48].hex() + ("..." if len(self.request) > 48 else "")
        return f"exchange {len(self.request)} bytes: {shown}"


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the kernel clock, in microseconds."""

    now: int

    def __str__(self) -> str:
        return f"clock {self.now} us"


@dataclass(frozen=True, slots=True)
class WriteKeys:
    """Write a key storage image."""

    image: bytes
    what: str

    def __str__(self) -> str:
        return f"key storage: {self.what}"


Action = Exchange | SetClock | WriteKeys


@dataclass(frozen=True, slots=True)
class Start:
    """Where a sequence begins: both targets boot with this entropy page and key storage, clock at 0."""

    entropy: bytes
    key_image: bytes


def boot(start: Start, *targets: Target) -> None:
    """Bring the targets to the beginning of a sequence."""
    for target in targets:
        target.set_clock(0)
        target.boot(start.entropy, start.key_image)


def apply(action: Action, left: Target, right: Target) -> tuple[Response | None, Verdict]:
    """Do it to both; the left target's answer, and how the right one's relates to it.

    Raises TargetStopped or CodecError when the left target, the reference, gives no sound answer.
    """
    match action:
        case Exchange(request):
            expected = left.exchange(request)
            return expected, exchange_and_compare(right, request, expected)
        case SetClock(now):
            left.set_clock(now)
            right.set_clock(now)
        case WriteKeys(image):
            left.write_key_image(image)
            right.write_key_image(image)
    return None, Match()

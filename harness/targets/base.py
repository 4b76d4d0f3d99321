# SPDX-License-Identifier: GPL-2.0-or-later
"""What every target can do: boot, answer requests, have its clock set and its key storage written.

A capability names what a target can do beyond that, or what only some can:

- `clock`: `set_clock` moves the clock that the target sees; without it, time is the world's and `set_clock` raises.
- `reset`: `boot` may be called again, for a service that has forgotten everything.
- `snapshot`: `snapshot` and `restore` of SnapshotTarget.
- `memory`: guest memory can be read and written.
- `coverage`: executed edges are counted.
- `step`: a request can be executed instruction by instruction, as SteppableTarget has it.
- `leap`: many instructions at once besides, as LeapingTarget has it.
- `interfere`: the window can be written while nobody expects it; see InterferingTarget.
"""

from typing import Any, Protocol

from harness.protocol.codec import Response

CLOCK = "clock"
RESET = "reset"
SNAPSHOT = "snapshot"
MEMORY = "memory"
COVERAGE = "coverage"
STEP = "step"
LEAP = "leap"
INTERFERE = "interfere"


class TargetError(Exception):
    """A target was asked for what it cannot do, or cannot be set up; the message says what to do."""


class TargetStopped(TargetError):
    """The guest did not answer: it faulted, hung or left its loop. The finding of IPC-6."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class TargetLost(TargetError):
    """The way to the target is gone or cannot be trusted any more; whatever else is asked of it fails as well."""


class Target(Protocol):
    """Something that answers requests as the service does."""

    @property
    def name(self) -> str:
        """How the command line calls it: `emulated`, `model`, ..."""

    @property
    def capabilities(self) -> frozenset[str]:
        """Names from the list at the top of this module."""

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """Starts the service afresh with 48 bytes of entropy and a key storage image; the clock stays as it is.

        What a short image leaves of the key storage is zero. Raises TargetStopped when the service does not come up.
        """

    def exchange(self, request: bytes) -> Response:
        """Puts `request` (header and payload) into the request area, rings the doorbell and returns the answer.

        The rest of the area, up to 65544 bytes, is zero. Raises TargetStopped when no answer comes, and CodecError when
        the answer is malformed.
        """

    def set_clock(self, microseconds: int) -> None:
        """Sets the clock of the kernel info page (u64); it may step back. TargetError without capability `clock`."""

    def write_key_image(self, image: bytes) -> None:
        """Overwrites the whole key storage, as the key manager does; bytes behind `image` become zero."""

    def close(self) -> None:
        """Releases whatever the target holds; calling it twice does no harm."""


class SnapshotTarget(Target, Protocol):
    """A target with capability `snapshot`."""

    def snapshot(self) -> Any:
        """The state at this moment, clock and key storage included; opaque."""

    def restore(self, state: Any) -> None:
        """Goes back, or on, to a state that this target's `snapshot` returned."""


class SteppableTarget(Target, Protocol):
    """A target with capability `step`: an exchange in slow motion, for lock-step with another one."""

    def begin(self, request: bytes) -> None:
        """Writes the request and rings; nothing runs. What went before is done: the service waits."""

    def step(self) -> None:
        """Executes exactly one instruction. What an If-Then block skips may count as one, or be passed over.

        Raises TargetStopped when that instruction is a fault.
        """

    def registers(self) -> tuple[int, ...]:
        """17 words before the next instruction: r0 to r12, sp, lr, pc, and of xpsr the flags N Z C V Q alone."""

    def answered(self) -> bool:
        """Whether the request has been answered."""


class LeapingTarget(SteppableTarget, Protocol):
    """A target with capability `leap`. Leaps come before steps: behind a step only `begin` may be followed by one."""

    @property
    def leaps_exactly(self) -> bool:
        """Whether a leap is as long as it may be, rather than ending at a border of what the engine executes whole."""

    def leap(self, at_most: int) -> int:
        """Executes up to `at_most` instructions, skipped ones included, and returns how many. Ends once answered.

        At least 1024 make sure that there is one. Raises TargetStopped as `step` does.
        """

    def memory(self) -> tuple[tuple[int, bytes], ...]:
        """What the guest can see and what changes while it runs, as addresses and contents; not between steps."""


class InterferingTarget(Target, Protocol):
    """A target with capability `interfere`: what a hostile client may do to the window beside its requests."""

    def write_window(self, offset: int, data: bytes) -> None:
        """Writes to any place of the window, without a ring."""

    def race(self, offset: int, mask: int) -> None:
        """Changes bits of one byte of the next request's area right after the service has read it for the first time;
        `offset` counts from the area's start."""

# SPDX-License-Identifier: GPL-2.0-or-later
"""The two routes that a case can take: through the service's window, or by a call of the C function."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from emulator.calls import Buffer, CallError, Calls
from emulator.image import Symbol
from emulator.machine import Machine
from harness.protocol import codec
from harness.protocol.codec import CodecError, Response
from harness.protocol.commands import ENTROPY_SIZE, RATE_INTERVAL_US, Status
from harness.protocol.key_image import KeySlot, encode_slots
from harness.targets.base import Target, TargetError, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import open_target

_ENTROPY = bytes(range(1, 1 + ENTROPY_SIZE))
_KEY_ID = 1
_NO_KEY_ID = 0
_GENERATIONS = 1 << 32

# Buffers start at every residue of the alignment in turn; outputs hold a fill and end in more of it.
_ALIGNMENT = 8
_MISALIGNMENTS = 4
_FILL = b"\xa5"
_GUARD_SIZE = 16


class CaseFailed(Exception):
    """A case did not give the result that it has to have; the message says the difference."""


def expect_bytes(what: str, expected: bytes, got: bytes) -> None:
    """CaseFailed unless both are the same; the message shows where they part."""
    if expected == got:
        return
    if len(expected) != len(got):
        raise CaseFailed(f"{what}: {len(expected)} bytes expected, got {len(got)}")
    at = next(i for i, pair in enumerate(zip(expected, got, strict=True)) if pair[0] != pair[1])
    shown = slice(at, at + 8)
    raise CaseFailed(f"{what}: {expected[shown].hex()} expected from byte {at}, got {got[shown].hex()}")


def expect_status(expected: Status, response: Response) -> None:
    """CaseFailed unless the service answered with this status."""
    if response.status is not expected:
        raise CaseFailed(f"status: {expected.name} expected, got {response.status.name}")


class Service:
    """A booted service with one key of the case's choice, asked slowly enough for its rate limiter."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._now = 0
        self._generation = 0
        self._up = False

    def use_key(self, algorithm: int, parameter_set: int, material: bytes = b"") -> int:
        """Puts this key into key storage, as a rotation, so that nothing is remembered; returns its id.

        The material may have a length that the service has to refuse, up to what a slot holds. TargetStopped when the
        service has to boot for it and does not come up.
        """
        self._generation = (self._generation + 1) % _GENERATIONS
        image = encode_slots((KeySlot(_KEY_ID, algorithm, parameter_set, self._generation, material),))
        if self._up:
            self._target.write_key_image(image)
        else:
            self._boot(image)
        return _KEY_ID

    def _boot(self, key_image: bytes) -> None:
        """CRYPTO_ERROR is what some cases expect, and what every request gets in the error state: it is ruled out."""
        self._target.boot(_ENTROPY, key_image)
        self._up = True
        if self.exchange(codec.aes_encrypt(_NO_KEY_ID, b"", b"")).status is Status.CRYPTO_ERROR:
            self._up = False
            raise TargetStopped("the service came up in its error state")

    def exchange(self, request: bytes) -> Response:
        """The answer to a request, without any key where `use_key` has not been called.

        CaseFailed when there is none or it is malformed: the service is booted afresh then when it is next used.
        """
        if not self._up:
            self._boot(encode_slots(()))
        self._now += RATE_INTERVAL_US
        self._target.set_clock(self._now)
        try:
            return self._target.exchange(request)
        except (TargetStopped, CodecError) as error:
            self._up = False
            raise CaseFailed(f"no sound answer: {error}") from None


class Functions:
    """C functions of the image, their memory on loan for one case at a time.

    Inputs and outputs start at odd addresses as often as at even ones, as the functions promise to take them.
    """

    def __init__(self, calls: Calls, symbols: Mapping[str, Symbol]) -> None:
        self._calls = calls
        self._symbols = symbols
        self._offset = 0

    def begin(self) -> None:
        """A new case: everything lent before is taken back, and addresses shift by one."""
        self._calls.release()
        self._offset = (self._offset + 1) % _MISALIGNMENTS

    def lend(self, content: bytes) -> Buffer:
        """An input."""
        return self._calls.buffer(content, _ALIGNMENT, self._offset)

    def space(self, size: int) -> Buffer:
        """Room for an output, filled, with guard bytes behind it."""
        whole = self._calls.buffer(_FILL * (size + _GUARD_SIZE), _ALIGNMENT, self._offset)
        return Buffer(whole.address, size)

    def struct(self, *members: Buffer | int) -> Buffer:
        """A struct of pointers and words, aligned."""
        words = [member.address if isinstance(member, Buffer) else member for member in members]
        return self._calls.buffer(struct.pack(f"<{len(words)}I", *words), _ALIGNMENT)

    def context(self, size: int) -> Buffer:
        """Room for a struct that only the functions look into, aligned; `size` may be above what it needs."""
        return self._calls.buffer(_FILL * size, _ALIGNMENT)

    def address(self, name: str) -> int:
        """Where a constant of the image stands; CallError when the image lacks it."""
        if name not in self._symbols:
            raise CallError(f"the image has no constant {name}")
        return self._symbols[name].address

    def call(self, name: str, *arguments: Buffer | int) -> int:
        """Calls and returns r0; CallStopped when the function does not return, CallError when the image lacks it."""
        return self._calls.call(name, *arguments)

    def take(self, output: Buffer) -> bytes:
        """What stands in a `space`; CaseFailed when the bytes behind it have changed."""
        whole = self._calls.bytes_of(Buffer(output.address, output.size + _GUARD_SIZE))
        if whole[output.size :] != _FILL * _GUARD_SIZE:
            raise CaseFailed(f"bytes behind an output of {output.size} were written")
        return whole[: output.size]

    def expect_untouched(self, what: str, output: Buffer) -> None:
        """CaseFailed when anything was written into a `space`."""
        if self.take(output) != _FILL * output.size:
            raise CaseFailed(f"{what} was written, though the operation failed")


class Bench:
    """Both routes on one image, each on a machine of its own; to be closed."""

    def __init__(self, firmware: Path | None = None, board: str = DEFAULT_BOARD) -> None:
        """`firmware` defaults to the release build. TargetError or EmulatorError when it cannot be used."""
        target = open_target("emulated", firmware, board)
        if not isinstance(target, EmulatedTarget):
            raise TargetError("functions can only be called on an emulated target")
        self._target = target
        self._symbols = target.image.symbols
        self._machine = Machine(target.board, target.image)
        self.service = Service(target)
        self.functions = Functions(Calls(self._machine), self._symbols)

    def has_function(self, name: str) -> bool:
        """Whether the image has a function of that name to call."""
        return name in self._symbols

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases both machines."""
        self._target.close()
        self._machine.close()

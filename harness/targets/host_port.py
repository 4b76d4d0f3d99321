# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of the gateway's host port, over host memory that the gateway sees.

The layout is that of docs/protocol.md, "Host port"; integers are little-endian, sizes bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from harness.protocol.commands import Status

AREA_SIZE = 0x10000
INPUT = 0x01000
OUTPUT = INPUT + AREA_SIZE
SIZE = OUTPUT + AREA_SIZE

_DOORBELL = struct.Struct("<I")
_JOB_DOORBELL = 0
_DONE_DOORBELL = 4
# command, key_id, input_length
_JOB = struct.Struct("<III")
_JOB_OFFSET = 8
# result, status, output_length, wants
_OUTCOME = struct.Struct("<IIII")
_OUTCOME_OFFSET = 20


class HostPortError(Exception):
    """A job that does not fit the port, or an outcome that no gateway gives; the message says what is wrong."""


class JobCommand(IntEnum):
    """Commands besides the types of single requests."""

    SEAL_BEGIN = 0x100
    SEAL_CHUNK = 0x101
    SEAL_END = 0x102
    OPEN_BEGIN = 0x110
    OPEN_NEXT = 0x111
    OPEN_END = 0x112


class Result(IntEnum):
    """How a job ended."""

    OK = 0
    BAD_ARGUMENT = 1
    NO_ANSWER = 2
    MALFORMED = 3
    NO_ROOM = 4
    REFUSED = 5
    BAD_FORMAT = 6
    NOT_AUTHENTIC = 7
    TRUNCATED = 8
    TRAILING_DATA = 9


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job left: `status` is that of the service's last answer, `wants` the bytes of the next OPEN_NEXT."""

    result: Result
    status: Status
    output: bytes
    wants: int


class HostPort:
    """Gives jobs to the gateway, one at a time."""

    def __init__(self, memory: memoryview) -> None:
        if len(memory) < SIZE:
            raise HostPortError(f"a host port of {len(memory)} bytes is too small: {SIZE} are needed")
        self.memory = memory

    @property
    def done(self) -> bool:
        """The gateway has done the job that was posted last."""
        return bytes(self.memory[_JOB_DOORBELL:_DONE_DOORBELL]) == bytes(self.memory[_DONE_DOORBELL:_JOB_OFFSET])

    def post(self, command: int, data: bytes | memoryview = b"", key_id: int = 0) -> None:
        """Puts a job of at most 65536 bytes of input into the port and rings; HostPortError when it does not fit."""
        if len(data) > AREA_SIZE:
            raise HostPortError(f"an input of {len(data)} bytes does not fit the host port: {AREA_SIZE} is the limit")
        self.memory[INPUT : INPUT + len(data)] = data
        _JOB.pack_into(self.memory, _JOB_OFFSET, command, key_id, len(data))
        (value,) = _DOORBELL.unpack_from(self.memory, _JOB_DOORBELL)
        _DOORBELL.pack_into(self.memory, _JOB_DOORBELL, (value + 1) & 0xFFFF_FFFF)

    def take(self) -> Outcome:
        """What came of the job that was posted last; HostPortError when it is not done, or for what makes no sense."""
        if not self.done:
            raise HostPortError("the gateway has not done the job yet: let it run")
        result, status, length, wants = _OUTCOME.unpack_from(self.memory, _OUTCOME_OFFSET)
        if length > AREA_SIZE or wants > AREA_SIZE:
            raise HostPortError(f"output_length {length}, wants {wants}: the areas hold {AREA_SIZE} bytes")
        output = bytes(self.memory[OUTPUT : OUTPUT + length])
        try:
            return Outcome(Result(result), Status(status), output, wants)
        except ValueError as error:
            raise HostPortError(f"the gateway's outcome is unknown: {error}") from None

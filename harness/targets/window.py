# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's side of the shared-memory window, over host memory that the guest sees (IPC-2, IPC-3)."""

from __future__ import annotations

import struct

from harness.protocol import commands as table
from harness.protocol.codec import Response, decode_response

_DOORBELL = struct.Struct("<I")
_HEADER = struct.Struct("<BBBBI")
_ZEROS = bytes(table.AREA_SIZE)


class NoAnswerError(Exception):
    """The service idles, and its doorbell does not show the value that was rung."""


class Window:
    """Writes requests and reads responses; one request at a time (IPC-1)."""

    def __init__(self, memory: memoryview) -> None:
        self.memory = memory
        self.request_area = memory[table.WINDOW_REQUEST : table.WINDOW_REQUEST + table.AREA_SIZE]
        self.response_area = memory[table.WINDOW_RESPONSE : table.WINDOW_RESPONSE + table.AREA_SIZE]
        self._posted = 0

    @property
    def doorbell(self) -> int:
        """The request doorbell as it stands."""
        return int(_DOORBELL.unpack_from(self.memory, table.WINDOW_REQUEST_DOORBELL)[0])

    @property
    def response_doorbell(self) -> int:
        """The value that the service says it has answered."""
        return int(_DOORBELL.unpack_from(self.memory, table.WINDOW_RESPONSE_DOORBELL)[0])

    def ring(self, value: int) -> None:
        """Set the request doorbell."""
        _DOORBELL.pack_into(self.memory, table.WINDOW_REQUEST_DOORBELL, value & 0xFFFF_FFFF)

    def post(self, request: bytes) -> None:
        """Put a request of at most 65544 bytes into its area and ring."""
        size = len(request)
        self.request_area[:size] = request
        self._posted = size
        (value,) = _DOORBELL.unpack_from(self.memory, 0)
        _DOORBELL.pack_into(self.memory, 0, (value + 1) & 0xFFFF_FFFF)

    def take(self) -> Response:
        """The response, decoded; clears the request area for the next request.

        Raises NoAnswerError when the doorbell was not answered, CodecError when the response is malformed.
        """
        self.request_area[: self._posted] = _ZEROS[: self._posted]
        memory = self.memory
        if memory[0:4] != memory[4:8]:
            raise NoAnswerError(
                f"request doorbell {self.doorbell}, response doorbell {self.response_doorbell}: not answered"
            )
        return decode_response(self.response_area)

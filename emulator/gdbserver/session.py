# SPDX-License-Identifier: GPL-2.0-or-later
"""One client's session: bytes in, bytes out, and pieces of running in between; no I/O.

While the target runs, a bare byte 3 stops it; packets that come meanwhile are answered when it has halted. What is no
packet is passed over, what arrives damaged is asked for again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from emulator.gdbserver.packets import Acknowledged, Damaged, Decoder, Interrupt, Packet, encode
from emulator.gdbserver.stepping import Halt
from emulator.gdbserver.stub import OK, PACKET_SIZE, End, Resume, Stub

_WAITING_MAX: Final = 64  # packets that come while the target runs; gdb sends none


class Session:
    """`ended` is None until the client has left or is to be dropped, then whether it killed the target."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._decoder = Decoder(limit=2 * PACKET_SIZE)
        self._acknowledges = True
        self._last = b""
        self._pieces: Iterator[Halt | None] | None = None
        self._waiting: deque[bytes] = deque()
        self.ended: bool | None = None

    @property
    def running(self) -> bool:
        """True while there is `work` to do."""
        return self._pieces is not None

    def receive(self, data: bytes) -> bytes:
        """What is to be sent for what has arrived."""
        out = bytearray()
        for event in self._decoder.feed(data):
            if self.ended is not None:
                break
            if isinstance(event, Packet):
                out += b"+" if self._acknowledges else b""
                out += self._packet(event.payload)
            elif isinstance(event, Damaged):
                out += b"-" if self._acknowledges else b""
            elif isinstance(event, Acknowledged):
                out += self._last if self._acknowledges and not event.well else b""
            elif isinstance(event, Interrupt):
                out += self._interrupt()
        return bytes(out)

    def work(self) -> bytes:
        """Let the target run for a piece; what is to be sent when it has halted."""
        halt = next(self._pieces) if self._pieces is not None else None
        return self._halted(halt) if halt is not None else b""

    def close(self) -> None:
        """The client is gone, whatever it was doing."""
        self._stop()
        self._stub.release()

    def _packet(self, payload: bytes) -> bytes:
        if self.running:
            if len(self._waiting) == _WAITING_MAX:
                self.ended = False
            self._waiting.append(payload)
            return b""
        if payload == b"QStartNoAckMode":
            out = self._send(OK)
            self._acknowledges = False
            return out
        answer = self._stub.answer(payload)
        if isinstance(answer, Resume):
            self._pieces = answer.pieces
            return b""
        if isinstance(answer, End):
            self.ended = answer.killed
            return self._send(answer.reply) if answer.reply else b""
        return self._send(answer)

    def _interrupt(self) -> bytes:
        if not self.running:
            return b""
        self._stop()
        return self._halted(Halt("interrupt", self._stub.timeline.task))

    def _stop(self) -> None:
        pieces, self._pieces = self._pieces, None
        close = getattr(pieces, "close", None)
        if close is not None:
            close()

    def _halted(self, halt: Halt) -> bytes:
        self._stop()
        text, reply = self._stub.halt(halt)
        out = self._send(b"O" + text.encode().hex().encode()) if text else b""
        out += self._send(reply)
        while self._waiting and not self.running and self.ended is None:
            out += self._packet(self._waiting.popleft())
        return out

    def _send(self, payload: bytes) -> bytes:
        self._last = encode(payload)
        return self._last

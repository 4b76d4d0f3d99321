# SPDX-License-Identifier: GPL-2.0-or-later
"""A core behind a stub: its memory, its registers, and that it runs and stops.

What is written is kept back until something has to be answered or run, and goes out together with that. So an exchange
with the service takes two round trips: writes and start, answered by the stop, and the reads.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from emulator.gdbserver.packets import escape
from harness.targets.gdb_remote.connection import Connection, shown
from harness.targets.gdb_remote.description import REGISTER_NAMES, DescriptionError, register_numbers

SIGINT: Final = 2

_REGISTERS: Final = struct.Struct(f"<{len(REGISTER_NAMES)}I")
_DEFAULT_PACKET_SIZE: Final = 400  # what every stub takes that does not say how much it takes
_SMALLEST_PACKET_SIZE: Final = 128
_OVERHEAD: Final = 64  # bytes of a packet that are not its data
_QUEUE_LIMIT: Final = 32  # packets that are kept back
_DOCUMENT_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Stopped:
    """The core has stopped, by a signal of GDB's numbering: 5 at a breakpoint or behind a step, 2 where asked to."""

    signal: int


class Stub:
    """Commands to a stub whose core stands still, except between `resume` and the stop that `wait` returns.

    Raises TargetLost, from every method, when the stub cannot be talked to, and when it refuses what a bench cannot do
    without: writing and reading memory and registers.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._queue: list[bytes] = []
        self._registers: dict[str, int] | None = None  # of the core that stands still, where they are known
        connection.start()
        features = self._features()
        self._chunk = (self._packet_size(features) - _OVERHEAD) // 2
        if features.get("qXfer:features:read") != "+":
            connection.lose("describes no registers: a stub with qXfer:features:read is needed")
        try:
            self._numbers: Mapping[str, int] = register_numbers(self._document)
        except DescriptionError as error:
            connection.lose(str(error))
        self._halt()
        self._takes_binary = connection.ask(b"X0,0:") == [b"OK"]

    # ---- memory and registers ----

    def write(self, address: int, content: bytes) -> None:
        """Write memory, at the latest before the next read or run."""
        for begin in range(0, len(content), self._chunk):
            part = content[begin : begin + self._chunk]
            if self._takes_binary:
                self._later(b"X%x,%x:%b" % (address + begin, len(part), escape(part)))
            else:
                self._later(b"M%x,%x:%b" % (address + begin, len(part), part.hex().encode()))

    def read(self, *ranges: tuple[int, int]) -> list[bytes]:
        """The memory of each (address, size), all in one round trip."""
        return self._read(ranges)[1]

    def look(self, *ranges: tuple[int, int]) -> tuple[dict[str, int], list[bytes]]:
        """Registers and memory in one round trip."""
        (reply,), pieces = self._read(ranges, b"g")
        values = self._bytes(b"g", reply[: 2 * _REGISTERS.size], _REGISTERS.size)
        return dict(zip(REGISTER_NAMES, _REGISTERS.unpack(values), strict=True)), pieces

    def peek(self, address: int, size: int) -> bytes | None:
        """Memory that may not be there, of a size that fits into a packet; None then."""
        command = b"m%x,%x" % (address, size)
        (reply,) = self._ask(command)
        return None if reply[:1] == b"E" and len(reply) % 2 else self._bytes(command, reply, size)

    def registers(self) -> dict[str, int]:
        """All REGISTER_NAMES with their values; asked for once while the core stands still."""
        if self._registers is None:
            self._registers = self.look()[0]
        return dict(self._registers)

    def set_register(self, name: str, value: int) -> None:
        """Write a register, at the latest before the next read or run."""
        self._registers = None
        self._later(b"P%x=%b" % (self._numbers[name], struct.pack("<I", value).hex().encode()))

    def flush(self) -> None:
        """Write now what was kept back."""
        self._ask()

    # ---- running ----

    def resume(self) -> None:
        """Let the core run."""
        self._go(b"c")

    def step(self) -> None:
        """Execute one instruction."""
        self._go(b"s")
        if self.wait(self.connection.timeouts.reply) is None:
            self.connection.lose(f"has not made a step for {self.connection.timeouts.reply:g} s")

    def wait(self, seconds: float) -> Stopped | None:
        """The stop of a running core; None when it still runs after `seconds`."""
        while True:
            reply = self.connection.receive(seconds)
            if reply is None:
                return None
            if reply[:1] == b"O" and reply != b"OK":
                continue  # what the target prints
            return self._stop(reply)

    def interrupt(self) -> Stopped:
        """Stop the running core."""
        self.connection.interrupt()
        stopped = self.wait(self.connection.timeouts.reply)
        if stopped is None:
            self.connection.lose(f"does not stop its core within {self.connection.timeouts.reply:g} s")
        return stopped

    def break_at(self, address: int) -> bool:
        """Stop the core in front of the 16-bit instruction there; False where the stub has no breakpoints.

        One of the hardware's is asked for first: it changes no memory.
        """
        return any(self._optional(b"%b,%x,2" % (kind, address)) for kind in (b"Z1", b"Z0"))

    def clear_break(self, address: int) -> None:
        """The inverse of `break_at`."""
        for kind in (b"z1", b"z0"):
            self._optional(b"%b,%x,2" % (kind, address))

    def monitor(self, command: str) -> None:
        """A command to the stub's own monitor; what it answers is for a human, so that it is not judged."""
        self._registers = None
        asked = b"qRcmd," + command.encode().hex().encode()
        self.flush()
        (reply,) = self.connection.ask(asked)
        while reply[:1] == b"O" and reply != b"OK":
            following = self.connection.receive(self.connection.timeouts.reply)
            if following is None:
                self.connection.lose(f"has not ended `monitor {command}` for {self.connection.timeouts.reply:g} s")
            reply = following

    # ---- the protocol ----

    def _features(self) -> dict[str, str]:
        (reply,) = self.connection.ask(b"qSupported:xmlRegisters=arm;swbreak+;hwbreak+")
        features = {}
        for entry in reply.decode("ascii", "replace").split(";"):
            name, equals, value = entry.partition("=")
            features.update({name: value} if equals else {entry[:-1]: entry[-1:]})
        return features

    def _packet_size(self, features: Mapping[str, str]) -> int:
        text = features.get("PacketSize", f"{_DEFAULT_PACKET_SIZE:x}")
        if not re.fullmatch("[0-9a-fA-F]{1,8}", text) or int(text, 16) < _SMALLEST_PACKET_SIZE:
            self.connection.lose(f"takes packets of 0x{text} bytes, which is of no use")
        return min(int(text, 16), 1 << 16)

    def _document(self, name: str) -> bytes:
        document = b""
        while len(document) < _DOCUMENT_LIMIT:
            (reply,) = self.connection.ask(
                b"qXfer:features:read:%b:%x,%x" % (name.encode(), len(document), self._chunk)
            )
            if reply[:1] not in (b"l", b"m") or reply == b"m":
                break
            document += reply[1:]
            if reply[:1] == b"l":
                return document
        raise DescriptionError(f"does not give its description {name}")

    def _halt(self) -> None:
        """The core stands still, whatever it did when the connection was made."""
        (reply,) = self.connection.ask(b"?")
        if not re.match(b"[ST][0-9a-fA-F]{2}", reply):
            self.interrupt()

    def _stop(self, reply: bytes) -> Stopped:
        found = re.match(b"[ST]([0-9a-fA-F]{2})", reply)
        if found is None:
            self.connection.lose(f"says {shown(reply)} where its core should run or stop")
        return Stopped(int(found[1], 16))

    def _read(self, ranges: Sequence[tuple[int, int]], *others: bytes) -> tuple[list[bytes], list[bytes]]:
        """The replies to other commands, and memory."""
        commands, sizes = [], []
        for address, size in ranges:
            for begin in range(0, size, self._chunk):
                sizes.append(min(self._chunk, size - begin))
                commands.append(b"m%x,%x" % (address + begin, sizes[-1]))
        replies = self._ask(*others, *commands)
        parts = zip(commands, replies[len(others) :], sizes, strict=True)
        memory = io.BytesIO(b"".join(self._bytes(*part) for part in parts))
        return replies[: len(others)], [memory.read(size) for _, size in ranges]

    def _later(self, command: bytes) -> None:
        if len(self._queue) >= _QUEUE_LIMIT:
            self.flush()
        self._queue.append(command)

    def _ask(self, *commands: bytes) -> list[bytes]:
        """The replies to commands, behind the writes that were kept back."""
        writes, self._queue = self._queue, []
        if not writes and not commands:
            return []
        replies = self.connection.ask(*writes, *commands)
        for write, reply in zip(writes, replies, strict=False):
            self._check(write, reply)
        return replies[len(writes) :]

    def _go(self, command: bytes) -> None:
        self._registers = None
        writes, self._queue = self._queue, []
        self.connection.send(*writes, command)
        for write in writes:
            reply = self.connection.receive(self.connection.timeouts.reply)
            if reply is None:
                self.connection.lose(f"has not answered {shown(write)} for {self.connection.timeouts.reply:g} s")
            self._check(write, reply)

    def _optional(self, command: bytes) -> bool:
        (reply,) = self._ask(command)
        return reply == b"OK"

    def _check(self, command: bytes, reply: bytes) -> None:
        if reply != b"OK":
            self._disagree(command, reply)

    def _bytes(self, command: bytes, reply: bytes, size: int) -> bytes:
        try:
            content = bytes.fromhex(reply.decode("ascii"))
        except ValueError:
            self._disagree(command, reply)
        if len(content) != size:
            self._disagree(command, reply)
        return content

    def _disagree(self, command: bytes, reply: bytes) -> NoReturn:
        if not reply:
            self.connection.lose(f"does not know {shown(command)}: a stub that does is needed")
        if re.match(rb"E([0-9a-fA-F]{2}$|\.)", reply):
            self.connection.lose(f"refuses {shown(command)}: {shown(reply)}")
        self.connection.lose(f"answers {shown(command)} with {shown(reply)}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Files sealed and opened by the firmware: gateway, window, service; the keys never leave the service.

The format is that of docs/protocol.md, "Sealed files". The clock goes one rate limiter's interval forward for each job
(GatewaySystem.pace): real hardware needs longer than that for a job anyway, and the service then refuses nothing, so
that no request is made twice. The client's waits (CLI-1) stay in force, and take no time here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from harness.output_file import BUFFER_SIZE, output_file
from harness.protocol.commands import Status
from harness.sealed_file import CHUNK_SIZE
from harness.targets.gateway import Effort, GatewaySystem
from harness.targets.host_port import JobCommand, Outcome, Result
from harness.targets.names import DEFAULT_BOARD

# Read at once: several chunks.
_READ_CHUNKS = 16

# Bytes of the input that have been consumed.
Progress = Callable[[int], object]


class SealingError(Exception):
    """A file cannot be sealed or opened as asked; the message says what to do."""


class NotAuthenticError(SealingError):
    """A file is not, from its first byte to its last, what was sealed under the key that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """What a service life is made of: images (None: the release build's), entropy of 48 bytes, key storage image."""

    entropy: bytes
    key_image: bytes
    image: Path | None = None
    board: str = DEFAULT_BOARD


@dataclass(frozen=True, slots=True)
class SealingResult:
    """What sealing or opening took: bytes of plaintext, of input read; wall time from power-on to the last byte."""

    plaintext_bytes: int
    file_bytes: int
    seconds: float
    effort: Effort

    @property
    def mebibytes_per_second(self) -> float:
        """Plaintext by wall time."""
        return self.plaintext_bytes / self.seconds / (1 << 20)

    @property
    def instructions_per_byte(self) -> float | None:
        """Guest instructions of both tasks, start-up included, by bytes of plaintext; None where there are none."""
        return self.effort.instructions / self.plaintext_bytes if self.plaintext_bytes else None

    @property
    def guest_share(self) -> float:
        """Share of the wall time that passed inside the native core."""
        return self.effort.guest_seconds / self.seconds


def seal_file(
    source: Path, destination: Path, key_id: int, firmware: Firmware, progress: Progress | None = None
) -> SealingResult:
    """Seals a file of any size, or a pipe, under the AES key `key_id`; replaces `destination` when all is written.

    Raises SealingError, OSError, or TargetError for unusable images, keys or entropy; then, as after Ctrl-C,
    `destination` is as it was and no other file is left.
    """
    _check_names(source, destination)
    begin = time.perf_counter()
    with GatewaySystem(firmware.image, firmware.board) as system, source.open("rb", buffering=0) as stream:
        system.boot(firmware.entropy, firmware.key_image)
        with output_file(destination) as out:
            size = _seal(system, stream, out, key_id, progress)
        return SealingResult(size, size, time.perf_counter() - begin, system.effort)


def open_file(source: Path, destination: Path, firmware: Firmware, progress: Progress | None = None) -> SealingResult:
    """Opens a sealed file; `destination` is replaced only when the file has proved authentic to its last byte.

    The service is powered on afresh: of the nonces that other openings have used it knows nothing (NON-1). Raises
    NotAuthenticError for a file that is not wholly what was sealed, and otherwise what `seal_file` raises, leaving as
    little behind.
    """
    _check_names(source, destination)
    begin = time.perf_counter()
    with GatewaySystem(firmware.image, firmware.board) as system, source.open("rb", buffering=BUFFER_SIZE) as stream:
        system.boot(firmware.entropy, firmware.key_image)
        with output_file(destination) as out:
            size, read = _open(system, stream, out, progress)
        return SealingResult(size, read, time.perf_counter() - begin, system.effort)


def _check_names(source: Path, destination: Path) -> None:
    if destination.exists() and source.exists() and os.path.samefile(source, destination):
        raise SealingError(f"{destination} is the input: give another name for the output")


def _seal(system: GatewaySystem, stream: FileIO, out: BinaryIO, key_id: int, progress: Progress | None) -> int:
    """Bytes of plaintext."""
    buffer = memoryview(bytearray(_READ_CHUNKS * CHUNK_SIZE))
    size = 0
    out.write(_sealed(system.do(JobCommand.SEAL_BEGIN, key_id=key_id), key_id))
    while True:
        filled = _fill(stream, buffer)
        for start in range(0, filled, CHUNK_SIZE):
            chunk = buffer[start : min(start + CHUNK_SIZE, filled)]
            out.write(_sealed(system.do(JobCommand.SEAL_CHUNK, chunk), key_id))
            size += len(chunk)
            if progress is not None:
                progress(size)
        if filled < len(buffer):
            break
    out.write(_sealed(system.do(JobCommand.SEAL_END), key_id))
    return size


def _fill(stream: FileIO, buffer: memoryview) -> int:
    """Reads until the buffer is full or the stream ends, as a pipe gives less at a time; returns the bytes read."""
    filled = 0
    while filled < len(buffer):
        count = stream.readinto(buffer[filled:])
        if not count:
            break
        filled += count
    return filled


def _open(system: GatewaySystem, stream: BinaryIO, out: BinaryIO, progress: Progress | None) -> tuple[int, int]:
    """Bytes of plaintext, and of the file."""
    size = read = 0
    outcome = system.do(JobCommand.OPEN_BEGIN)
    while outcome.wants:
        piece = stream.read(outcome.wants)
        read += len(piece)
        outcome = system.do(JobCommand.OPEN_NEXT, piece)
        _check_opened(outcome, read)
        out.write(outcome.output)
        size += len(outcome.output)
        if progress is not None:
            progress(read)
    _check_opened(system.do(JobCommand.OPEN_END, stream.read(1)), read)
    return size, read


def _sealed(outcome: Outcome, key_id: int) -> bytes:
    if outcome.result is Result.OK:
        return outcome.output
    if outcome.result is Result.REFUSED and outcome.status is Status.KEY_NOT_FOUND:
        raise SealingError(f"the key image has no sound AES key {key_id}: `hil keys show` lists its keys")
    raise SealingError(f"the file cannot be sealed: {_why(outcome)}")


_NOT_AUTHENTIC = {
    Result.BAD_FORMAT: "no header of a sealed file, or no record that can come here",
    Result.NOT_AUTHENTIC: "a record is altered, moved, or sealed under another key",
    Result.TRUNCATED: "the file is cut off",
    Result.TRAILING_DATA: "something follows the end record",
}


def _check_opened(outcome: Outcome, read: int) -> None:
    if outcome.result is Result.OK:
        return
    where = f"not authentic at byte {read}"
    if outcome.result in _NOT_AUTHENTIC:
        raise NotAuthenticError(f"{where}: {_NOT_AUTHENTIC[outcome.result]}")
    if outcome.result is Result.REFUSED and outcome.status is Status.NONCE_REUSE:
        raise NotAuthenticError(f"{where}: a record is repeated, or the file has more records than the service opens")
    if outcome.result is Result.REFUSED and outcome.status is Status.KEY_NOT_FOUND:
        raise SealingError("the key image has no sound AES key of the id in the file's header: give the right --keys")
    raise SealingError(f"the file cannot be opened: {_why(outcome)}")


def _why(outcome: Outcome) -> str:
    if outcome.result is Result.REFUSED:
        return f"the service answered {outcome.status.name}"
    return f"the gateway answered {outcome.result.name}"

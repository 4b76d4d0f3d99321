# SPDX-License-Identifier: GPL-2.0-or-later
"""The service compiled for this machine, a shared library in a process of its own (firmware/platform_native).

A service that crashes ends that process alone, and one that hangs is ended: both are results. The next boot starts
another process.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, RESET, SNAPSHOT, TargetError, TargetStopped
from harness.targets.native_process import BOOT, EXCHANGE, PATIENCE, PROCESSOR_SECONDS, NativeProcess
from harness.targets.window import NoAnswerError, Window

_CLOCK: Final = struct.Struct("<Q")
_KERNEL_PAGE: Final = struct.Struct("<IIQ")


@dataclass(frozen=True, slots=True)
class NativeState:
    """A native target's state at one moment; opaque to everybody else.

    It holds for one process: addresses are others in the next.
    """

    process: NativeProcess
    variables: bytes


class NativeTarget:
    """Target on the shared library. Raises TargetError when the file is no such library.

    A request may take so many seconds of processor time, or be waited for with so many seconds of patience.
    """

    name = "native"
    capabilities = frozenset({CLOCK, RESET, SNAPSHOT})

    def __init__(self, library: Path, processor_seconds: int = PROCESSOR_SECONDS, patience: float = PATIENCE) -> None:
        self.path = library
        self._limits = processor_seconds, patience
        self._clock = 0
        self._booted = False
        self._closed = False
        self._start()

    def _start(self) -> None:
        """A process with the library as the loader leaves it."""
        self._process = NativeProcess(self.path, *self._limits)
        memory, places = self._process.memory, self._process.places
        _KERNEL_PAGE.pack_into(memory, places.kernel_page, table.KERNEL_PAGE_MAGIC, table.KERNEL_PAGE_VERSION, 0)
        self._clock_at = places.kernel_page + table.KERNEL_PAGE_CLOCK
        self._power_on = bytes(memory)
        self._window_memory = memory[places.window : places.window + table.WINDOW_SIZE]
        self.window = Window(self._window_memory)

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        if len(entropy) != table.ENTROPY_SIZE:
            raise TargetError(f"{len(entropy)} bytes of entropy: give {table.ENTROPY_SIZE}")
        self._require_open()
        self._booted = False
        if self._process.ended:
            self._end()
            self._start()
        memory, places = self._process.memory, self._process.places
        memory[:] = self._power_on
        _CLOCK.pack_into(memory, self._clock_at, self._clock)
        memory[places.entropy_page : places.entropy_page + table.ENTROPY_SIZE] = entropy
        self.write_key_image(key_image)
        try:
            self._process.do(BOOT)
        except TargetStopped as stop:
            raise TargetStopped(f"the service does not come up: {stop.description}") from None
        self._booted = True

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange. A service that has stopped answers nothing until the next boot."""
        if not self._booted:
            raise TargetError("the native target is not running: call boot() first")
        window = self.window
        window.post(request)
        self._process.do(EXCHANGE)
        try:
            return window.take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        self._require_open()
        try:
            _CLOCK.pack_into(self._process.memory, self._clock_at, microseconds)
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None
        self._clock = microseconds

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        self._require_open()
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        begin = self._process.places.key_storage
        self._process.memory[begin : begin + table.KEY_STORAGE_SIZE] = image.ljust(table.KEY_STORAGE_SIZE, b"\0")

    def snapshot(self) -> NativeState:
        """See SnapshotTarget.snapshot. A copy of all variables of the library, about 8 MiB of filters included."""
        if not self._booted:
            raise TargetError("the native target is not running: call boot() first")
        return NativeState(self._process, bytes(self._process.memory))

    def restore(self, state: NativeState) -> None:
        """See SnapshotTarget.restore. Raises TargetError for the state of a process that has ended."""
        self._require_open()
        if state.process is not self._process or self._process.ended:
            raise TargetError("the service of that state has stopped: boot again")
        self._process.memory[:] = state.variables
        (self._clock,) = _CLOCK.unpack_from(state.variables, self._clock_at)
        self._booted = True

    def close(self) -> None:
        """See Target.close. Views of the library's memory are of no use afterwards, and say so."""
        if not self._closed:
            self._closed, self._booted = True, False
            self._end()

    # ---- the process ----

    def _end(self) -> None:
        """End the process, and release the views of its memory."""
        for view in (self.window.request_area, self.window.response_area, self._window_memory):
            view.release()
        self._process.close()

    def _require_open(self) -> None:
        if self._closed:
            raise TargetError("the native target is closed: open another")

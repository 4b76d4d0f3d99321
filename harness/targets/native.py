# SPDX-License-Identifier: GPL-2.0-or-later
"""The service compiled for this machine, loaded into this process as a shared library (firmware/platform_native).

Each target loads a copy of the library of its own, so that several do not share the service's variables. Nothing stands
between service and process: a service that crashes ends both, and one that hangs holds both up.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cffi import FFI

from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, RESET, SNAPSHOT, TargetError, TargetStopped
from harness.targets.window import NoAnswerError, Window

_CLOCK: Final = struct.Struct("<Q")
_KERNEL_PAGE: Final = struct.Struct("<IIQ")

_FFI: Final = FFI()
_FFI.cdef(
    f"""
    extern uint8_t native_kernel_page[{_KERNEL_PAGE.size}];
    extern uint8_t native_entropy_page[{table.ENTROPY_SIZE}];
    extern uint8_t native_key_storage[{table.KEY_STORAGE_SIZE}];
    extern uint8_t native_window[{table.WINDOW_SIZE}];
    void native_boot(void);
    void native_exchange(void);
    size_t native_state_size(void);
    void native_save(uint64_t *state);
    void native_restore(const uint64_t *state);
    """
)


@dataclass(frozen=True, slots=True)
class NativeState:
    """A native target's state at one moment; opaque to everybody else."""

    words: Any


class NativeTarget:
    """Target on a copy of the shared library. Raises TargetError when the file is no such library."""

    name = "native"
    capabilities = frozenset({CLOCK, RESET, SNAPSHOT})

    def __init__(self, library: Path) -> None:
        self.path = library
        self._folder = tempfile.TemporaryDirectory(prefix="hil-native-")
        try:
            # One and the same file would be loaded once, whoever asks.
            self._library: Any = _FFI.dlopen(shutil.copy(library, self._folder.name))
            self._answer = self._library.native_exchange
            self._kernel_page = self._view("native_kernel_page")
            self._entropy_page = self._view("native_entropy_page")
            self._key_storage = self._view("native_key_storage")
            self.window = Window(self._view("native_window"))
        except (OSError, AttributeError) as error:
            self._folder.cleanup()
            raise TargetError(
                f"{library}: not the service as a library for this machine ({error}); build it with `make firmware`"
            ) from None
        self._booted = False
        _KERNEL_PAGE.pack_into(self._kernel_page, 0, table.KERNEL_PAGE_MAGIC, table.KERNEL_PAGE_VERSION, 0)
        self._power_on = self._save()

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        if len(entropy) != table.ENTROPY_SIZE:
            raise TargetError(f"{len(entropy)} bytes of entropy: give {table.ENTROPY_SIZE}")
        self._require_open()
        clock = bytes(self._kernel_page)
        self._library.native_restore(self._power_on.words)
        self._kernel_page[:] = clock
        self._entropy_page[:] = entropy
        self.write_key_image(key_image)
        self._library.native_boot()
        self._booted = True

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        if not self._booted:
            raise TargetError("the native target is not running: call boot() first")
        window = self.window
        window.post(request)
        self._answer()
        try:
            return window.take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        self._require_open()
        try:
            _CLOCK.pack_into(self._kernel_page, table.KERNEL_PAGE_CLOCK, microseconds)
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        self._require_open()
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        self._key_storage[:] = image.ljust(table.KEY_STORAGE_SIZE, b"\0")

    def snapshot(self) -> NativeState:
        """See SnapshotTarget.snapshot. A copy of all variables of the library, about 8 MiB of filters included."""
        if not self._booted:
            raise TargetError("the native target is not running: call boot() first")
        return self._save()

    def restore(self, state: NativeState) -> None:
        """See SnapshotTarget.restore."""
        self._require_open()
        self._library.native_restore(state.words)
        self._booted = True

    def close(self) -> None:
        """See Target.close. Views of the library's memory are of no use afterwards, and say so."""
        if self._library is None:
            return
        window = self.window
        pages = (self._kernel_page, self._entropy_page, self._key_storage)
        for view in (*pages, window.request_area, window.response_area, window.memory):
            view.release()
        _FFI.dlclose(self._library)
        self._library, self._booted = None, False
        self._folder.cleanup()

    # ---- the library's memory ----

    def _view(self, name: str) -> memoryview:
        return memoryview(_FFI.buffer(getattr(self._library, name)))

    def _save(self) -> NativeState:
        words = _FFI.new("uint64_t[]", self._library.native_state_size() // 8)
        self._library.native_save(words)
        return NativeState(words)

    def _require_open(self) -> None:
        if self._library is None:
            raise TargetError("the native target is closed: open another")

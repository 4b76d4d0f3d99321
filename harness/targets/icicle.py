# SPDX-License-Identifier: GPL-2.0-or-later
"""The service's ARM image in Icicle, a second emulator that shares no code with the first."""

from __future__ import annotations

import struct
from pathlib import Path

from emulator.board import Board
from emulator.board_file import find_board
from emulator.icicle_machine import IcicleMachine, IcicleState
from emulator.image import load_image
from emulator.l4.kernel_page import KernelPage
from emulator.stop import IDLE, Stop
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, LEAP, RESET, SNAPSHOT, STEP, TargetError, TargetStopped
from harness.targets.emulated import BOOT_BUDGET, EXCHANGE_BUDGET, describe
from harness.targets.window import NoAnswerError, Window

_WORD = 4
_HEADER = struct.Struct("<BBBBI")


class IcicleTarget:
    """Target on a board in Icicle. Booting twice from the same pages restores a snapshot of the first time.

    Memory is Icicle's own: the window is a copy on the host, of which goes over what a request or response needs.
    """

    name = "icicle"
    capabilities = frozenset({CLOCK, LEAP, RESET, SNAPSHOT, STEP})

    def __init__(self, firmware: Path, board_name: str = "an386") -> None:
        self.board: Board = find_board(board_name, firmware)
        self.image = load_image(firmware, self.board)
        self.machine = IcicleMachine(self.board, self.image)
        self._kernel = memoryview(bytearray(self.board.kernel_page.size))
        self._kernel_page = KernelPage(self._kernel)
        self._window = Window(memoryview(bytearray(table.WINDOW_SIZE)))
        self._boots: tuple[bytes, bytes] | None = None
        self._booted: IcicleState | None = None
        self._running = False

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        if len(entropy) != table.ENTROPY_SIZE:
            raise TargetError(f"{len(entropy)} bytes of entropy: give {table.ENTROPY_SIZE}")
        now = self._kernel_page.now
        if self._booted is not None and self._boots == (entropy, key_image):
            self._resume(self._booted)
            self.set_clock(now)
            return
        self._booted, self._running = None, False
        self.machine.reset()
        self._window = Window(memoryview(bytearray(table.WINDOW_SIZE)))
        self._kernel_page.reset(now)
        self.machine.write(self.board.kernel_page.base, bytes(self._kernel))
        self.machine.write(self.board.entropy_page.base, entropy)
        self.write_key_image(key_image)
        stop = self.machine.run(BOOT_BUDGET)
        if stop is not IDLE:
            raise TargetStopped(f"the service does not come up: {describe(stop)}")
        self._boots, self._booted, self._running = (entropy, key_image), self.machine.snapshot(), True

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        self._post(request)
        self._require_idle(self.machine.run(EXCHANGE_BUDGET))
        return self._take(len(request))

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        try:
            self._kernel_page.set_clock(microseconds)
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None
        clock = slice(table.KERNEL_PAGE_CLOCK, table.KERNEL_PAGE_CLOCK + 8)
        self.machine.write(self.board.kernel_page.base + clock.start, bytes(self._kernel[clock]))

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        self.machine.write(self.board.key_storage.base, image.ljust(table.KEY_STORAGE_SIZE, b"\0"))

    def close(self) -> None:
        """See Target.close. The engine goes with the target."""
        self._running = False

    # ---- SnapshotTarget ----

    def snapshot(self) -> IcicleState:
        """See SnapshotTarget.snapshot."""
        self._require_running()
        return self.machine.snapshot()

    def restore(self, state: IcicleState) -> None:
        """See SnapshotTarget.restore."""
        self._resume(state)

    # ---- SteppableTarget and LeapingTarget ----

    leaps_exactly = True

    def begin(self, request: bytes) -> None:
        """See SteppableTarget.begin."""
        self._post(request)

    def step(self) -> None:
        """See SteppableTarget.step: what an If-Then block skips is an instruction."""
        self.leap(1)

    def registers(self) -> tuple[int, ...]:
        """See SteppableTarget.registers."""
        return self.machine.row

    def answered(self) -> bool:
        """See SteppableTarget.answered: once the guest waits with the doorbell answered."""
        window = self.machine.read(self.board.window.base, 2 * _WORD)
        return self.machine.idle and window[:_WORD] == window[_WORD:]

    def leap(self, at_most: int) -> int:
        """See LeapingTarget.leap."""
        if self.answered():
            return 0
        self._require_idle(self.machine.advance(at_most) or IDLE)
        return self.machine.instructions

    def memory(self) -> tuple[tuple[int, bytes], ...]:
        """See LeapingTarget.memory."""
        return tuple((region.base, self.machine.read(region.base, region.size)) for region in self.board.ram)

    # ---- the window ----

    def _post(self, request: bytes) -> None:
        self._require_running()
        self._window.post(request)
        base = self.board.window.base
        self.machine.write(base + table.WINDOW_REQUEST, request)
        self.machine.write(base, bytes(self._window.memory[:_WORD]))

    def _take(self, posted: int) -> Response:
        base, area = self.board.window.base, self._window.response_area
        self._window.memory[_WORD : 2 * _WORD] = self.machine.read(base + _WORD, _WORD)
        header = self.machine.read(base + table.WINDOW_RESPONSE, _HEADER.size)
        length = min(_HEADER.unpack(header)[-1], table.MAX_PAYLOAD)
        size = _HEADER.size + length
        area[:size] = self.machine.read(base + table.WINDOW_RESPONSE, size)
        self.machine.write(base + table.WINDOW_REQUEST, bytes(posted))
        try:
            return self._window.take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None

    # ---- state ----

    def _resume(self, state: IcicleState) -> None:
        self.machine.restore(state)
        base = self.board.kernel_page.base
        self._kernel[:] = self.machine.read(base, self.board.kernel_page.size)
        (self._kernel_page.now,) = struct.unpack_from("<Q", self._kernel, table.KERNEL_PAGE_CLOCK)
        self._window.memory[: 2 * _WORD] = self.machine.read(self.board.window.base, 2 * _WORD)
        self._running = True

    def _require_idle(self, stop: Stop) -> None:
        if stop is not IDLE:
            self._running = False
            raise TargetStopped(describe(stop))

    def _require_running(self) -> None:
        if not self._running:
            raise TargetError("the icicle target is not running: call boot() first")

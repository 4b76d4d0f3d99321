# SPDX-License-Identifier: GPL-2.0-or-later
"""The service under a debugger, alone or behind the gateway, and as a target: whatever the host does can be undone."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from emulator.board_file import find_board
from emulator.gdbserver.stepping import Halt, Watchpoint
from emulator.gdbserver.timeline import Timeline
from emulator.image import load_image
from emulator.l4.scheduler import Signal
from emulator.l4.system import System
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, INTERFERE, MEMORY, TargetError, TargetStopped
from harness.targets.emulated import BOOT_BUDGET, EXCHANGE_BUDGET
from harness.targets.gateway import GatewaySystem
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware
from harness.targets.window import NoAnswerError, Window

_PIECE: Final = 1_000_000  # instructions; how far apart states are kept


class Debuggee:
    """A target whose every moment can be gone back to. `timeline` is what a debugger acts on.

    Its life begins at power-on. With `gateway` the gateway is a task beside the service. `budgets` bound the exchanges
    in their order, in instructions; whatever comes behind them has the emulated target's.
    """

    name = "debugged"
    capabilities = frozenset({CLOCK, MEMORY, INTERFERE})

    def __init__(
        self,
        firmware: Path | None = None,
        board_name: str = DEFAULT_BOARD,
        gateway: bool = False,
        budgets: Iterable[int] = (),
    ) -> None:
        self.firmware = firmware or default_firmware(board_name)
        self.board = find_board(board_name, self.firmware)
        if not self.firmware.is_file():
            raise TargetError(
                f"{self.firmware}: no such firmware image; build it with `make firmware` or name one with --firmware"
            )
        if self.board.processor.profile != "M" or self.board.service.wait_at is not None:
            raise TargetError(f"board {board_name}: the debugger knows cores of M profile that wait by WFI alone")
        self.gateway = gateway
        self.timeline = Timeline(self._gateway_system() if gateway else self._service_alone())
        self._budgets = iter(budgets)
        self._race: tuple[int, int] | None = None
        self.halt: Halt | None = None

    def _gateway_system(self) -> System:
        return GatewaySystem(self.firmware, self.board.name).system

    def _service_alone(self) -> System:
        image = load_image(self.firmware, self.board)
        doorbell = self.board.window.base + table.WINDOW_REQUEST_DOORBELL
        return System(self.board, {self.board.service.name: image}, (Signal(self.board.service.name, doorbell),))

    # ---- Target ----

    def prepare(self, entropy: bytes, key_image: bytes) -> None:
        """Fill the pages that the service finds at boot."""
        self.timeline.write(self.board.entropy_page.base, entropy)
        self.write_key_image(key_image)

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot; once only."""
        self.prepare(entropy, key_image)
        self._run(BOOT_BUDGET)

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange. The request stays in its area until the next one: for the debugger to be seen."""
        post(self.timeline, request)
        self._run(next(self._budgets, EXCHANGE_BUDGET))
        window = self.board.window
        try:
            return Window(memoryview(bytearray(self.timeline.system.read(window.base, window.size)))).take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        try:
            self.timeline.set_clock(microseconds)
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        self.timeline.write(self.board.key_storage.base, image.ljust(table.KEY_STORAGE_SIZE, b"\0"))

    def close(self) -> None:
        """See Target.close."""
        self.timeline.close()
        self.timeline.system.close()

    # ---- InterferingTarget ----

    def write_window(self, offset: int, data: bytes) -> None:
        """See InterferingTarget.write_window."""
        self.timeline.write(self.board.window.base + offset, data)

    def race(self, offset: int, mask: int) -> None:
        """See InterferingTarget.race."""
        self._race = (self.board.window.base + table.WINDOW_REQUEST + offset, mask) if mask else None

    # ---- running ----

    def _run(self, budget: int) -> None:
        """Until the service waits. Raises TargetStopped where it does not; `halt` is how the run ended."""
        race, self._race = self._race, None
        end = self.timeline.now.count + budget
        self.timeline.set_points((), [Watchpoint(race[0], 1, "read")] if race else ())
        while True:
            self.halt = self.timeline.forward(min(_PIECE, end - self.timeline.now.count))
            if self.halt.why == "watchpoint" and race:
                self.timeline.set_points((), ())
                self.timeline.forward(1)
                byte = self.timeline.system.read(race[0], 1)[0]
                self.timeline.write(race[0], bytes((byte ^ race[1],)))
            elif self.halt.why == "idle":
                break
            elif self.halt.why != "limit" or self.timeline.now.count == end:
                raise TargetStopped(
                    str(self.halt.fault) if self.halt.fault else f"not idle after {budget} instructions"
                )
        self.timeline.set_points((), ())


def post(timeline: Timeline, request: bytes) -> None:
    """Put a request into an otherwise zero request area, and ring; nothing runs yet."""
    window = timeline.system.board.window
    with timeline.edit(window.base, window.size) as memory:
        memory[table.WINDOW_REQUEST : table.WINDOW_REQUEST + table.AREA_SIZE] = bytes(table.AREA_SIZE)
        Window(memory).post(request)

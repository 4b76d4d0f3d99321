# SPDX-License-Identifier: GPL-2.0-or-later
"""The service's ARM image, executed unmodified in the emulator."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.board import Board
from emulator.board_file import find_board
from emulator.cpu import lib
from emulator.image import load_image
from emulator.machine import Machine
from emulator.steps import Steps, current_row
from emulator.stop import IDLE, LimitReached, Stop
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.targets.base import CLOCK, LEAP, MEMORY, RESET, STEP, TargetError, TargetStopped
from harness.targets.window import NoAnswerError, Window

# Above what any build needs (docs/protocol.md gives the bounds of the release build; signing's is the largest), and a
# few seconds at the emulator's speed: a hang is a result, not a wait.
BOOT_BUDGET = 500_000_000
EXCHANGE_BUDGET = 2_000_000_000

_PAGE = 4096


@dataclass(frozen=True, slots=True)
class _Booted:
    entropy: bytes
    key_image: bytes
    fill: int


class EmulatedTarget:
    """Target on an emulated board. Booting twice from the same pages restores a snapshot of the first time."""

    name = "emulated"
    capabilities = frozenset({CLOCK, LEAP, MEMORY, RESET, STEP})

    def __init__(self, firmware: Path, board_name: str = "an386") -> None:
        self.board_name = board_name  # or the path of its file
        self.board: Board = find_board(board_name, firmware)
        self.image = load_image(firmware, self.board)
        self.machine = Machine(self.board, self.image)
        region = self.board.window
        self.window = Window(self.machine.view(region.base, region.size))
        self._key_storage = self.machine.view(self.board.key_storage.base, table.KEY_STORAGE_SIZE)
        self._booted: _Booted | None = None
        self._steps: Steps | None = None
        self._idle = True
        # What runs the guest behind each request; whoever watches the runs takes its place.
        self.run: Callable[[int], Stop] = self.machine.task.run
        self.exchanges = 0
        self.instructions = 0

    # ---- Target ----

    def boot(self, entropy: bytes, key_image: bytes, fill: int = 0) -> None:
        """See Target.boot. `fill` is the byte that RAM holds at power-on."""
        wanted = _Booted(entropy, key_image, fill)
        self._end_steps()
        self.instructions = 0
        if self._booted == wanted:
            self.restore()
            return
        self._booted = None
        now = self.machine.kernel_page.now
        self.machine.reset(fill)
        self.machine.kernel_page.set_clock(now)
        self.machine.write(self.board.entropy_page.base, entropy)
        self.write_key_image(key_image)
        stop = self.machine.run(BOOT_BUDGET)
        self.instructions = self.machine.instructions
        if stop is not IDLE:
            raise TargetStopped(f"the service does not come up: {describe(stop)}{self._waiting(stop)}")
        self.machine.snapshot(self._hot_ranges())
        self._booted = wanted

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        window = self.window
        window.post(request)
        stop = self.run(EXCHANGE_BUDGET)
        if stop is not IDLE:
            self._booted = None
            raise TargetStopped(describe(stop))
        try:
            return window.take()
        except NoAnswerError as error:
            raise TargetStopped(str(error)) from None

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        try:
            self.machine.kernel_page.set_clock(microseconds)
        except struct.error:
            raise TargetError(f"the clock is a u64: {microseconds} microseconds do not fit") from None

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        if len(image) > table.KEY_STORAGE_SIZE:
            raise TargetError(f"a key image of {len(image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size")
        self._key_storage[:] = image.ljust(table.KEY_STORAGE_SIZE, b"\0")

    def close(self) -> None:
        """See Target.close."""
        self._end_steps()
        self.machine.close()

    # ---- SteppableTarget and LeapingTarget ----

    leaps_exactly = False

    def begin(self, request: bytes) -> None:
        """See SteppableTarget.begin. What was begun has to be answered before an exchange, or else a boot follows."""
        self._end_steps()
        self.window.post(request)
        self._idle = False

    def step(self) -> None:
        """See SteppableTarget.step: what an If-Then block skips is passed over."""
        self._stepping().step()
        stop = self._stepping().stop
        if stop is not None and stop is not IDLE:
            self._booted = None
            raise TargetStopped(describe(stop))

    def registers(self) -> tuple[int, ...]:
        """See SteppableTarget.registers."""
        return self._steps.registers if self._steps is not None else current_row(self.machine.task)

    def answered(self) -> bool:
        """See SteppableTarget.answered: once the guest idles."""
        return self._idle if self._steps is None else self._steps.stop is IDLE

    def leap(self, at_most: int) -> int:
        """See LeapingTarget.leap: blocks are executed whole."""
        if self._steps is not None:
            raise TargetError("a leap behind single steps: begin a request first")
        code = self.machine.cpu.run(at_most)
        self._idle = code == lib.CORE_IDLE
        if code not in (lib.CORE_IDLE, lib.CORE_LIMIT):
            self._booted = None
            raise TargetStopped(describe(self.machine.task.explain(code, at_most)))
        return self.machine.cpu.executed

    def memory(self) -> tuple[tuple[int, bytes], ...]:
        """See LeapingTarget.memory."""
        return tuple((region.base, self.machine.read(region.base, region.size)) for region in self.board.ram)

    def _stepping(self) -> Steps:
        if self._steps is None:
            self._steps = Steps(self.machine.task)
        return self._steps

    def _end_steps(self) -> None:
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    # ---- what only an emulated target can do ----

    def restore(self) -> None:
        """Back to the state right behind boot: memory, registers, key storage and window; the clock stays."""
        if self._booted is None:
            raise TargetError("nothing to restore: boot first")
        self.machine.cpu.restore()
        self.write_key_image(self._booted.key_image)

    @property
    def build_kind(self) -> str:
        """What the image says of its build: release, debug, fips; `unknown` where it says nothing."""
        symbol = self.image.symbols.get("build_kind")
        if symbol is None or not 0 < symbol.size <= 32:
            return "unknown"
        return self.machine.read(symbol.address, symbol.size).rstrip(b"\0").decode("ascii", "replace")

    @property
    def instruction_factor(self) -> int:
        """How many times the bounds of IPC-6 a release build for this board's core may take."""
        return self.board.processor.instruction_factor

    @property
    def last_instructions(self) -> int:
        """Guest instructions of the last boot or exchange."""
        return self.machine.instructions

    def peek(self, path: str) -> int:
        """A variable of the firmware by its C name, such as `key_states[0].encryptions` (little-endian integer)."""
        address, size = self.machine.symbols.member_address(path)
        return int.from_bytes(self.machine.read(address, size), "little")

    def poke(self, path: str, value: int) -> None:
        """Set a variable of the firmware by its C name; the inverse of `peek`."""
        address, size = self.machine.symbols.member_address(path)
        self.machine.write(address, value.to_bytes(size, "little"))

    def patch(self, address: int, content: bytes) -> bytes:
        """Change the loaded image, code or constants; returns what was there. The next boot starts from reset."""
        before = self.machine.read(address, len(content))
        self.machine.write(address, content)
        self.machine.cpu.forget_translations()
        self._booted = None
        return before

    def _waiting(self, stop: Stop) -> str:
        """What else may be wrong with a service that never waits, on a board that says where it does."""
        place = self.board.service.wait_at
        if place is None or not isinstance(stop, LimitReached):
            return ""
        return (
            f"; it never came to {place:#010x}, where board {self.board.name} has it wait: name where its loop begins"
        )

    def _hot_ranges(self) -> tuple[tuple[int, int], ...]:
        """What each request writes: the stack's first page, variables, doorbells and the response header's page."""
        data = self.board.data
        used = max((s.end for s in self.image.sections if s.allocated and data.contains(s.address)), default=data.base)
        window = self.board.window.base
        return (
            (self.board.stack.end - _PAGE, _PAGE),
            (data.base, min(-(-(used - data.base) // _PAGE) * _PAGE or _PAGE, data.size)),
            (window, _PAGE),
            (window + table.WINDOW_RESPONSE, _PAGE),
        )


def describe(stop: object) -> str:
    """The text of a stop, with the whole report where there is one."""
    report = getattr(stop, "report", None)
    return report() if report is not None else str(stop)

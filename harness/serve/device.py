# SPDX-License-Identifier: GPL-2.0-or-later
"""One virtual device: the service's image on an emulated board whose window another process shares."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Literal

from emulator.board import Board
from emulator.image import Image
from emulator.machine import Machine
from emulator.stop import IDLE, Stop
from harness.protocol.commands import ENTROPY_SIZE, KEY_STORAGE_SIZE, RATE_INTERVAL_US
from harness.targets.base import TargetStopped
from harness.targets.emulated import BOOT_BUDGET, EXCHANGE_BUDGET, describe

ClockKind = Literal["real", "paced"]
CLOCKS: tuple[ClockKind, ...] = ("real", "paced")


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What every device of a server is made of.

    `keys` is a key storage image; `entropy`, 48 bytes, is the same for all devices, or fresh of the operating system
    for each where it is None. With the clock `real` the kernel page shows this machine's monotonic clock, with `paced`
    one millisecond more at each ring, so that the rate limiter always has a token.
    """

    board: Board
    image: Image
    keys: bytes
    entropy: bytes | None = None
    clock: ClockKind = "real"


class Device:
    """A machine over a window that was lent, of the board's size. What a client writes there is seen at once."""

    def __init__(self, options: DeviceOptions, window: memoryview) -> None:
        self._options = options
        self._board = options.board
        self._machine = Machine(options.board, options.image, {options.board.window.name: window})
        self._keys = options.keys
        self._now = _CLOCKS[options.clock]()

    def boot(self, entropy: bytes | None = None) -> None:
        """Power-on, with these 48 bytes of entropy or what the options say. Raises TargetStopped where it fails."""
        machine = self._machine
        machine.reset()
        machine.kernel_page.set_clock(self._now())
        machine.write(
            self._board.entropy_page.base, entropy or self._options.entropy or secrets.token_bytes(ENTROPY_SIZE)
        )
        self.set_keys(self._keys)
        with _signals_held():
            stop = machine.run(BOOT_BUDGET)
        if stop is not IDLE:
            raise TargetStopped(f"the service does not come up: {describe(stop)}")

    def ring(self) -> Stop:
        """Let the guest look at its doorbell and run until it waits again, within the budget of an exchange."""
        self._machine.kernel_page.set_clock(self._now())
        return self._machine.task.run(EXCHANGE_BUDGET)

    def set_clock(self, microseconds: int) -> None:
        """From now on the clock, a u64, stands still here."""
        self._now = lambda: microseconds

    def set_keys(self, image: bytes) -> None:
        """Overwrite the whole key storage with an image of at most its size, now and at each boot."""
        self._keys = image
        self._machine.write(self._board.key_storage.base, image.ljust(KEY_STORAGE_SIZE, b"\0"))

    def close(self) -> None:
        """Release the engine, and with it the window."""
        self._machine.close()


@contextmanager
def _signals_held() -> Iterator[None]:
    """While the service starts, its devices are Python, called from C: what a signal's handler raises there is lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _real() -> Callable[[], int]:
    return lambda: time.monotonic_ns() // 1000


def _paced() -> Callable[[], int]:
    return count(0, RATE_INTERVAL_US).__next__


_CLOCKS: dict[ClockKind, Callable[[], Callable[[], int]]] = {"real": _real, "paced": _paced}

# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's ARM image as the only task of a system; the test plays the kernel's time and the model the service."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.board import board
from emulator.image import load_image
from emulator.l4.scheduler import Signal
from emulator.l4.system import System
from emulator.l4.utcb import Utcb
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.key_image import KeyImage
from harness.targets.host_port import HostPort, Outcome
from harness.targets.model import ModelTarget

BOARD = board("an386")
BUDGET = 50_000_000

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
KEYS = KeyImage((key_image.aes_slot(7, KEY), key_image.aes_slot(8, OTHER_KEY))).build()


class GatewayBench:
    """Runs the gateway whenever there is something to do; time passes only where the bench lets it."""

    def __init__(self, image: Path) -> None:
        gateway = BOARD.gateway
        signals = [
            Signal(gateway.name, BOARD.host_port.base),
            Signal(gateway.name, BOARD.window.base + table.WINDOW_RESPONSE_DOORBELL),
        ]
        self.system = System(BOARD, {gateway.name: load_image(image, BOARD, gateway)}, signals)
        self.window = self.system.view(BOARD.window.base, BOARD.window.size)
        self.utcb = Utcb(self.system.view(gateway.utcb.base, gateway.utcb.size))
        self.host_port = HostPort(self.system.view(BOARD.host_port.base, BOARD.host_port.size))
        self.model = ModelTarget()
        self.model.boot(bytes(range(48)), KEYS)
        self.answer: Callable[[bytes], bytes | None] = self.ask_model
        self.requests: list[bytes] = []
        self.wakes: list[int] = []
        self.pace = table.RATE_INTERVAL_US
        self._run()

    @property
    def now(self) -> int:
        """The kernel's clock, in microseconds."""
        return self.system.kernel_page.now

    def do(self, command: int, data: bytes = b"", key_id: int = 0) -> Outcome:
        """Gives a job and runs until it is done."""
        self.host_port.post(command, data, key_id)
        self._until_done()
        return self.host_port.take()

    def ring(self) -> Outcome:
        """The same for a job that has been written by hand, its doorbell aside."""
        (value,) = struct.unpack_from("<I", self.host_port.memory)
        struct.pack_into("<I", self.host_port.memory, 0, value + 1)
        self._until_done()
        return self.host_port.take()

    def ask_model(self, request: bytes) -> bytes:
        """What the service would put into the response area."""
        self._set_clock(self.now + self.pace)
        self.model.set_clock(self.now)
        return codec.encode_response(self.model.exchange(request))

    @property
    def window_clean(self) -> bool:
        """Request and response area hold nothing but zeros."""
        return not any(self.window[table.WINDOW_REQUEST :])

    def _until_done(self) -> None:
        self._run()
        while not self.host_port.done:
            if self.window[0:4] == self.window[4:8] or not self._serve():
                wake = self.utcb.wake_at
                assert wake > self.now, "the gateway sleeps for ever"
                self.wakes.append(wake - self.now)
                self._set_clock(wake)
            self._run()

    def _serve(self) -> bool:
        area = bytes(self.window[table.WINDOW_REQUEST : table.WINDOW_REQUEST + table.AREA_SIZE])
        length = table.HEADER_SIZE + int.from_bytes(area[4:8], "little")
        answer = self.answer(area[:length])
        if answer is None:
            return False
        self.requests.append(area[:length])
        self.window[table.WINDOW_RESPONSE : table.WINDOW_RESPONSE + len(answer)] = answer
        self.window[4:8] = self.window[0:4]
        return True

    def _set_clock(self, now: int) -> None:
        self.system.kernel_page.set_clock(now)

    def _run(self) -> None:
        outcome = self.system.run(BUDGET, until=self.now)
        assert outcome.why == "quiet"
        assert not outcome.reports, outcome.reports[0].report()


@pytest.fixture
def gateway(firmware: Path) -> Iterator[GatewayBench]:
    """The release image of the gateway, at its first sleep."""
    bench = GatewayBench(firmware.with_name("gateway.elf"))
    yield bench
    bench.system.close()

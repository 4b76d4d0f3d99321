# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's ARM image in a machine of its own; the test plays the kernel and the model plays the service."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.board import AN386, Region
from emulator.image import load_image
from emulator.machine import Machine
from emulator.stop import IDLE
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.key_image import KeyImage
from harness.targets.emulated import describe
from harness.targets.host_port import HostPort, Outcome
from harness.targets.model import ModelTarget

# What the gateway task is granted, in the places of the board's row. It gets neither entropy nor key storage: their
# places in the row hold its control page and its host port, and it must do without the rest.
GATEWAY = replace(
    AN386,
    name="an386-gateway",
    code=Region("code", 0x0020_0000, 0x20_0000, "rx"),
    stack=Region("stack", 0x2020_1000, 0x4000, "rw"),
    data=Region("data", 0x2020_6000, 0x3_A000, "rw"),
    bulk=Region("bulk", 0x2024_0000, 0x10_0000, "rw"),
    entropy_page=Region("utcb", 0x2184_0000, 0x1000, "rw"),
    key_storage=Region("host port", 0x2185_0000, 0x2_1000, "rw"),
)
BUDGET = 50_000_000

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
KEYS = KeyImage((key_image.aes_slot(7, KEY), key_image.aes_slot(8, OTHER_KEY))).build()


class GatewayBench:
    """Runs the gateway whenever there is something to do, as the kernel would."""

    def __init__(self, image: Path) -> None:
        self.machine = Machine(GATEWAY, load_image(image, GATEWAY))
        self.window = self.machine.view(GATEWAY.window.base, GATEWAY.window.size)
        self.utcb = self.machine.view(GATEWAY.entropy_page.base, GATEWAY.entropy_page.size)
        self.host_port = HostPort(self.machine.view(GATEWAY.key_storage.base, GATEWAY.key_storage.size))
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
        return self.machine.kernel_page.now

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
                (wake,) = struct.unpack_from("<Q", self.utcb)
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
        self.machine.kernel_page.set_clock(now)

    def _run(self) -> None:
        stop = self.machine.run(BUDGET)
        assert stop is IDLE, describe(stop)


@pytest.fixture
def gateway(firmware: Path) -> Iterator[GatewayBench]:
    """The release image of the gateway, at its first sleep."""
    bench = GatewayBench(firmware.with_name("gateway.elf"))
    yield bench
    bench.machine.close()

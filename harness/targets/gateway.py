# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ARM images in one system: the gateway, which takes the host's jobs, and the service behind its window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator.board import Board
from emulator.board_file import find_board
from emulator.image import load_image
from emulator.l4.scheduler import Outcome as Run
from emulator.l4.scheduler import Signal
from emulator.l4.system import System
from harness.protocol import commands as table
from harness.targets.base import TargetError, TargetStopped
from harness.targets.emulated import EXCHANGE_BUDGET
from harness.targets.host_port import HostPort, HostPortError, Outcome
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

GATEWAY_IMAGE = "gateway.elf"

# In real time a job lasts far longer than the rate limiter's interval; the emulated clock stands still meanwhile.
PACE_US = table.RATE_INTERVAL_US


@dataclass(frozen=True, slots=True)
class Effort:
    """What the tasks have executed: guest instructions, and seconds inside the native core."""

    service_instructions: int
    gateway_instructions: int
    guest_seconds: float

    @property
    def instructions(self) -> int:
        """Of both tasks."""
        return self.service_instructions + self.gateway_instructions


def gateway_beside(firmware: Path) -> Path:
    """The gateway's image that belongs to a service's: it lies in the same folder."""
    return firmware.with_name(GATEWAY_IMAGE)


class GatewaySystem:
    """The service and the gateway on an emulated board, the host being whoever gives the gateway its jobs.

    `pace` is what the clock advances before each job, in microseconds. One job is at most one request, so that with
    PACE_US the rate limiter always has a token; 0 leaves time to the client's own waits (CLI-1).
    """

    def __init__(
        self, firmware: Path | None = None, board_name: str = DEFAULT_BOARD, gateway: Path | None = None
    ) -> None:
        service = firmware or default_firmware(board_name)
        row: Board = find_board(board_name, service)
        client, port = row.with_gateway()
        paths = {row.service.name: service, client.name: gateway or gateway_beside(service)}
        for path in paths.values():
            if not path.is_file():
                raise TargetError(f"{path}: no such firmware image; build it with `make firmware`")
        images = {name: load_image(path, row, row.task(name)) for name, path in paths.items()}
        window = row.window
        signals = (
            Signal(row.service.name, window.base + table.WINDOW_REQUEST_DOORBELL),
            Signal(client.name, window.base + table.WINDOW_RESPONSE_DOORBELL),
            Signal(client.name, port.base),
        )
        self.board = row
        self.system = System(row, images, signals)
        self.window = self.system.view(window.base, window.size)
        self.host_port = HostPort(self.system.view(port.base, port.size))
        self.pace = PACE_US
        self._service = self.system.tasks[row.service.name].measure()
        self._gateway = self.system.tasks[client.name].measure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the engines."""
        self.system.close()

    @property
    def now(self) -> int:
        """The kernel's clock, in microseconds."""
        return self.system.kernel_page.now

    @property
    def effort(self) -> Effort:
        """What has been executed since the system was made."""
        seconds = self._service.seconds + self._gateway.seconds
        return Effort(self._service.instructions, self._gateway.instructions, seconds)

    @property
    def window_clean(self) -> bool:
        """Request and response area hold nothing but zeros (IPC-5)."""
        return not any(bytes(self.window[table.WINDOW_REQUEST :]).strip(b"\0"))

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """Power-on with 48 bytes of entropy and a key storage image of at most its size; the clock begins at 0.

        Raises TargetError for what does not fit, TargetStopped when a task does not come up.
        """
        if len(entropy) != table.ENTROPY_SIZE:
            raise TargetError(f"{len(entropy)} bytes of entropy: give {table.ENTROPY_SIZE}")
        if len(key_image) > table.KEY_STORAGE_SIZE:
            raise TargetError(
                f"a key image of {len(key_image)} bytes does not fit: {table.KEY_STORAGE_SIZE} is the size"
            )
        self.system.reset()
        self.system.write(self.board.entropy_page.base, entropy)
        self.system.write(self.board.key_storage.base, key_image)
        self._run()

    def do(self, command: int, data: bytes | memoryview = b"", key_id: int = 0) -> Outcome:
        """Gives the gateway a job of at most 65536 bytes of input and runs both tasks until it is done.

        Waits of the client take no time: the clock moves when every task waits. Raises TargetStopped when a task
        faults or hangs, TargetError for a job that does not fit or an outcome that no gateway gives.
        """
        if self.pace:
            self.system.kernel_page.set_clock(self.now + self.pace)
        try:
            self.host_port.post(command, data, key_id)
            self._run()
            if not self.host_port.done:
                raise TargetStopped("the gateway waits and has not done its job")
            return self.host_port.take()
        except HostPortError as error:
            raise TargetError(str(error)) from None

    def turn(self) -> bool:
        """One turn of a task, behind the wait of the one that waits the shortest where all of them do.

        False: every task waits for a signal. For those who want to see what happens within a job. Raises TargetStopped
        when the task faults or hangs.
        """
        return self._checked(self.system.run(EXCHANGE_BUDGET, turns=1)).turns > 0

    def _run(self) -> None:
        run = self._checked(self.system.run(EXCHANGE_BUDGET))
        if run.why != "quiet":
            raise TargetStopped(f"the tasks keep each other busy: not quiet after {run.turns} turns")

    @staticmethod
    def _checked(run: Run) -> Run:
        if run.reports:
            raise TargetStopped("\n".join(report.report() for report in run.reports))
        return run

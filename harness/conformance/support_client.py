# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's image beside the judged service image, as the cases of CLI-1 to CLI-3 drive and watch it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.compare import Stopped
from harness.conformance.dut import ContractViolation
from harness.conformance.plugin import RecordCoverage
from harness.conformance.support import REQUEST_AREA
from harness.default_keys import ENTROPY, default_keys
from harness.protocol.commands import Status
from harness.sealing import Firmware
from harness.targets.base import Target, TargetError, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.gateway import GatewaySystem, gateway_beside
from harness.targets.host_port import JobCommand, Outcome, Result

CHUNK = 61440
MLKEM_KEYGEN = 0x20


@dataclass(frozen=True, slots=True)
class Try:
    """A request as it stood in the window when the gateway rang, and the clock then (microseconds)."""

    time: int
    request: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """How an opening ended: the last job's result, the plaintext that came out, the service's status."""

    result: Result
    plaintext: bytes
    status: Status


class Gateway:
    """Both tasks. A guest that stops, and an outcome that no gateway gives, break the contract."""

    def __init__(self, system: GatewaySystem) -> None:
        self.system = system
        self.boot()

    def boot(self) -> None:
        """Power-on with the default entropy and keys; the clock begins at 0 and goes on for each job."""
        self.system.pace = 1000
        with _judged():
            self.system.boot(ENTROPY, default_keys().build())

    # ---- jobs ----

    def do(self, command: int, data: bytes = b"", key_id: int = 0) -> Outcome:
        """One job to its end."""
        with _judged():
            return self.system.do(command, data, key_id)

    def watch(self, command: int, data: bytes = b"", *, refusals: int = 0) -> tuple[Outcome, tuple[Try, ...]]:
        """One job turn by turn, and each request within it.

        The clock goes on by what the gateway waits, and by nothing else. For the first `refusals` requests the service
        is shown the time at which the job began, so that a rate limiter that had no token then has none yet.
        """
        system = self.system
        page = system.system.kernel_page
        tries: list[Try] = []
        begin = page.now
        with _judged():
            system.host_port.post(command, data)
            while not system.host_port.done:
                rung = bytes(system.window[0:4])
                asked = rung != bytes(system.window[4:8])
                now = page.now
                if asked and len(tries) <= refusals:
                    page.set_clock(begin)
                if not system.turn():
                    raise TargetStopped("both tasks wait within a job")
                if asked and len(tries) <= refusals:
                    page.set_clock(now)
                if bytes(system.window[0:4]) != rung:
                    tries.append(Try(page.now, self._request()))
            return system.host_port.take(), tuple(tries)

    def _request(self) -> bytes:
        area = self.system.window[REQUEST_AREA:]
        length = 8 + int.from_bytes(area[4:8], "little")
        return bytes(area[:length])

    def exhaust(self) -> None:
        """Take every token at a standing clock: the next request is refused."""
        self.system.pace = 0
        for number in range(100):
            outcome = self.do(MLKEM_KEYGEN, bytes(4))
            if outcome.status is not Status.KEY_NOT_FOUND:
                raise ContractViolation(f"request {number + 1} of a burst of 100: {outcome.status.name}")

    # ---- sealed files ----

    def seal(self, key_id: int, plaintext: bytes) -> bytes:
        """A whole file, every job of which has to succeed."""
        outcomes = [self.do(JobCommand.SEAL_BEGIN, key_id=key_id)]
        for start in range(0, len(plaintext), CHUNK):
            outcomes.append(self.do(JobCommand.SEAL_CHUNK, plaintext[start : start + CHUNK]))
        outcomes.append(self.do(JobCommand.SEAL_END))
        for outcome in outcomes:
            if outcome.result is not Result.OK:
                raise ContractViolation(f"sealing: {outcome.result.name}, {outcome.status.name}")
        return b"".join(outcome.output for outcome in outcomes)

    def open(self, sealed: bytes) -> Opened:
        """A file piece by piece as the gateway wants them, then the end; what follows a failure is not handed over."""
        outcome = self.do(JobCommand.OPEN_BEGIN)
        pieces, position = [], 0
        while outcome.wants:
            piece = sealed[position : position + outcome.wants]
            position += len(piece)
            outcome = self.do(JobCommand.OPEN_NEXT, piece)
            if outcome.result is not Result.OK and outcome.output:
                raise ContractViolation(f"{outcome.result.name} carries {len(outcome.output)} bytes")
            pieces.append(outcome.output)
            if outcome.result is not Result.OK:
                break
        last = self.do(JobCommand.OPEN_END, sealed[position : position + 1])
        return Opened(last.result, b"".join(pieces), outcome.status)


class _judged:
    """What stops a task within the block, or makes no sense, breaks the contract."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, TargetStopped):
            raise ContractViolation(str(Stopped(error.description))) from None
        if isinstance(error, TargetError):
            raise ContractViolation(str(error)) from None


def judged_firmware(target: Target) -> Firmware:
    """The judged image with the default entropy and keys; skips the case on targets without both images."""
    if not isinstance(target, EmulatedTarget):
        pytest.skip(f"target {target.name} lacks the capability tasks: the client side needs service and gateway")
    path = target.image.path
    if target.board.gateway is None:
        pytest.skip(f"board {target.board.name} has no gateway, which the client side needs")
    if not gateway_beside(path).is_file():
        pytest.skip(f"there is no {gateway_beside(path).name} beside {path.name}")
    return Firmware(entropy=ENTROPY, key_image=default_keys().build(), image=path, board=target.board_name)


def open_gateway(target: Target, record: RecordCoverage) -> Iterator[GatewaySystem]:
    """Both images, for as long as the generator lives; what the service executes is recorded by `record`."""
    firmware = judged_firmware(target)
    with (
        GatewaySystem(firmware.image, firmware.board) as system,
        record(system.system.tasks[system.board.service.name]),
    ):
        yield system

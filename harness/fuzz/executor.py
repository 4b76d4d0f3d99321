# SPDX-License-Identifier: GPL-2.0-or-later
"""The executor: scripts run on the emulated service, each from the state right behind boot.

The work is done by emulator/native/executor.c; here its configuration comes from the protocol's table, and what it
tells becomes values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from emulator.cpu import ffi, lib
from emulator.l4.kernel_page import CLOCK_OFFSET
from emulator.stop import Stop
from harness.default_keys import ENTROPY
from harness.fuzz.key_images import key_images
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget

_JUDGE_FAILED: Final = -1
COUNTERS: Final = int(lib.CORE_COUNTERS)
SCRIPT_BUDGET: Final = 8_000_000

# Instruction bounds are those of the release build; other builds need more, never without end.
_SLACK: Final = {"release": 1}
_OTHER_SLACK: Final = 16


class Verdict(IntEnum):
    """How a script ended; everything but PASS is a finding. See enum executor_verdict."""

    PASS = lib.EXECUTOR_PASS
    FAULT = lib.EXECUTOR_FAULT
    HANG = lib.EXECUTOR_HANG
    UNANSWERED = lib.EXECUTOR_UNANSWERED
    MALFORMED = lib.EXECUTOR_MALFORMED
    STATUS = lib.EXECUTOR_STATUS
    DOUBLE_FETCH = lib.EXECUTOR_DOUBLE_FETCH
    MISMATCH = lib.EXECUTOR_MISMATCH
    RESIDUE = lib.EXECUTOR_RESIDUE


@dataclass(frozen=True, slots=True)
class Exchange:
    """One rung doorbell: clock in microseconds, key image in place, request area and payload of the response."""

    clock: int
    image: int
    request: bytes
    status: int
    payload: bytes
    instructions: int

    @property
    def response(self) -> Response:
        """The response as the model gives it. Raises ValueError for a status outside the table."""
        return Response(Status(self.status), self.payload)


@dataclass(frozen=True, slots=True)
class Compare:
    """Two operands that the guest compared at `pc` in an exchange; `looped` where that seems a loop's end."""

    pc: int
    left: int
    right: int
    exchange: int
    looped: bool


class Executor:
    """Runs scripts on a target, which it boots and then owns.

    Each `watch_interval`-th script is watched for second fetches; with 0, only requests with a race are. `native` is
    the pointer for whoever drives the executor from C; `counters` is the map that it fills.
    """

    def __init__(
        self, target: EmulatedTarget, raw: bool = False, watch_interval: int = 0, script_budget: int = SCRIPT_BUDGET
    ) -> None:
        self.target = target
        self._native: Any = ffi.NULL
        target.set_clock(0)
        target.boot(ENTROPY, key_images()[0])
        core = target.machine.cpu.native
        self.counters = ffi.new("uint8_t[]", COUNTERS)
        board = target.board
        target.machine.cpu.watch_reads(
            (board.window.base + table.WINDOW_REQUEST, table.WINDOW_RESPONSE - table.WINDOW_REQUEST),
            (board.window.base + table.WINDOW_RESPONSE, board.window.size - table.WINDOW_RESPONSE),
        )
        if not lib.core_feedback(core, self.counters):
            raise MemoryError("no memory for feedback")
        self._native = lib.executor_new(core, self._config(raw, watch_interval, script_budget))
        if self._native == ffi.NULL:
            raise MemoryError("no memory for the executor")
        for image in key_images():
            if not lib.executor_add_image(self._native, image):
                raise MemoryError("no memory for key images")
        self._judge: Any = None
        # What the judge has raised; whoever runs scripts by `native` has to look.
        self.failure: BaseException | None = None

    def _config(self, raw: bool, watch_interval: int, script_budget: int) -> Any:
        board = self.target.board
        slack = _SLACK.get(self.target.build_kind, _OTHER_SLACK) * self.target.instruction_factor
        config = ffi.new("struct executor_config *")
        config.window, config.window_size = board.window.base, table.WINDOW_SIZE
        config.request, config.response, config.area_size = (
            table.WINDOW_REQUEST,
            table.WINDOW_RESPONSE,
            table.AREA_SIZE,
        )
        config.key_storage, config.key_storage_size = board.key_storage.base, table.KEY_STORAGE_SIZE
        config.clock = board.kernel_page.base + CLOCK_OFFSET
        config.statuses = sum(1 << status for status in Status)
        config.request_header = bytes((table.REQUEST_MAGIC, table.PROTOCOL_VERSION, 0, table.FLAGS))
        config.response_header = bytes((table.RESPONSE_MAGIC, table.PROTOCOL_VERSION, 0, table.FLAGS))
        for code in range(256):
            command = table.BY_CODE.get(code)
            bound = command.bound if command else table.REFUSAL_BOUND
            config.types[code] = command is not None
            config.bound_fixed[code] = bound.fixed * slack
            config.bound_per_byte[code] = bound.per_byte * slack
        config.script_budget = script_budget * slack
        config.raw, config.watch_interval = raw, watch_interval
        return config

    @property
    def native(self) -> Any:
        """The executor of the native core."""
        return self._native

    def close(self) -> None:
        """Release the executor and its target."""
        if self._native != ffi.NULL:
            lib.executor_free(self._native)
            self._native = ffi.NULL
            self.target.close()

    def judge(self, function: Callable[[], Verdict]) -> None:
        """Have `function` judge each script that has passed; it looks at `exchanges` and at the machine's memory.

        It runs between two requests of nobody: it must not run the machine. What it raises is raised by `run`.
        """
        handle = ffi.callback(
            "int(void *, executor *)",
            lambda _user, _executor: int(function()),
            error=_JUDGE_FAILED,
            onerror=self._keep_failure,
        )
        self._judge = handle
        lib.executor_set_judge(self._native, handle, ffi.NULL)

    def _keep_failure(self, _kind: object, failure: BaseException, _trace: object) -> None:
        self.failure = failure

    def run(self, script: bytes) -> Verdict:
        """Run one script from the state right behind boot; the machine stays as the script has left it."""
        verdict = lib.executor_run(self._native, script, len(script))
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return Verdict(verdict)

    def count_into(self, address: int) -> None:
        """Count exchanges by type and status in host memory: u64[256][16]."""
        lib.executor_count_into(self._native, ffi.cast("uint64_t *", address))

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """What was asked and answered by the last script, the exchange that made it fail included."""
        out = ffi.new("struct executor_exchange **")
        count = lib.executor_exchanges(self._native, out)
        exchanges = out[0]
        return [
            Exchange(
                clock=e.clock,
                image=e.image,
                request=ffi.buffer(e.request, e.request_size)[:],
                status=e.status,
                payload=ffi.buffer(e.response, e.response_size)[:],
                instructions=e.instructions,
            )
            for e in (exchanges[i] for i in range(count))
        ]

    @property
    def written(self) -> range:
        """Addresses of the window from the first to the last raw byte that the last script has put there."""
        begin, end = ffi.new("uint32_t *"), ffi.new("uint32_t *")
        lib.executor_written(self._native, begin, end)
        return range(begin[0], end[0])

    @property
    def stop(self) -> Stop:
        """How the last run ended, explained: for scripts that ended in FAULT or HANG."""
        budget = self.exchanges[-1].instructions if self.exchanges else 0
        return self.target.machine.task.explain(int(lib.executor_stop(self._native)), budget)

    @property
    def compares(self) -> Sequence[Compare]:
        """Operands that the last script has made the guest compare."""
        out = ffi.new("struct core_compare **")
        count = lib.core_compares(self.target.machine.cpu.native, out)
        found = (out[0][i] for i in range(count))
        return [Compare(c.pc, c.left, c.right, c.request, bool(c.looped)) for c in found]

    @property
    def instructions(self) -> int:
        """Guest instructions of the last script."""
        return int(lib.executor_instructions(self._native))

    @property
    def edges(self) -> int:
        """Different edges between blocks since the executor was made."""
        return int(lib.core_edge_count(self.target.machine.cpu.native))

    def clear_counters(self) -> None:
        """Zero the map, as an engine does before each script."""
        ffi.memmove(self.counters, bytes(COUNTERS), COUNTERS)

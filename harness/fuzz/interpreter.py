# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts on any target: what emulator/native/script.c does, over the interface that all targets share.

Requests, clock and key images are the same, step by step, as the executor's; parts of earlier responses are taken from
what this target has answered. Writes to the window outside the request area and bytes that change while they are read
take a target with the capability `interfere`; without it they end the run, which says so. The executor's limit of
instructions for a script is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from emulator.cpu import lib
from emulator.l4.kernel_page import CLOCK_LIMIT
from harness.default_keys import ENTROPY
from harness.fuzz.executor import Exchange
from harness.fuzz.key_images import key_images
from harness.fuzz.script import RESPONSES_KEPT, SENDS_MAX, TO_THE_END, Op, Step, decode, place_in
from harness.protocol import commands as table
from harness.protocol.codec import HEADER, CodecError, Response
from harness.targets.base import INTERFERE, InterferingTarget, Target, TargetStopped

# The limits of the executor (emulator/native/core.h, executor_internal.h).
_EXCHANGES_MAX: Final = lib.EXECUTOR_EXCHANGES
_ARENA_SIZE: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """What a script did on a target. `instructions` of an exchange is 0: only the executor counts them.

    `failure` is why the target gave no sound answer to the last exchange; `undone` names the first step that the target
    has no means for, at which the run ended. Both are empty for a script that was done to its end.
    """

    exchanges: tuple[Exchange, ...]
    failure: str = ""
    undone: str = ""


class _Over(Exception):
    """The script ends here, as it does in the executor."""


def interpret(script: bytes, target: Target) -> Run:
    """Boot the target and do the script. Raises TargetError where it lacks a clock or cannot be reset."""
    target.set_clock(0)
    target.boot(ENTROPY, key_images()[0])
    client = _Client(target)
    failure = undone = ""
    try:
        for number, step in enumerate(decode(script), start=1):
            if not client.can_do(step):
                undone = f"step {number}, {step}: target {target.name} cannot do it"
                break
            client.perform(step)
        else:
            client.finish()
    except _Over:
        pass
    except TargetStopped as stop:
        failure = stop.description
    except CodecError as error:
        failure = f"malformed response: {error}"
    return Run(tuple(client.exchanges), failure, undone)


class _Client:
    """The state of a script that runs; the names are those of struct executor."""

    def __init__(self, target: Target) -> None:
        self._target = target
        can = INTERFERE in target.capabilities
        self._interfering = cast(InterferingTarget, target) if can else None
        self._built = bytearray()
        self._claimed: int | None = None
        self._last = b""
        self._area = bytearray()  # the request area up to where it is known to be zero
        self._clock = 0
        self._image = 0
        self._sends = 0
        self._kept = 0  # bytes of requests and responses
        self.exchanges: list[Exchange] = []

    def can_do(self, step: Step) -> bool:
        """False for what only a target that can interfere does: a byte that changes while it is read, and a write to
        the window outside the request area."""
        if self._interfering is not None:
            return True
        if step.op is Op.RACE:
            return not step.arguments[1]
        if step.op is not Op.WINDOW or not self._built:
            return True
        begin, data = self._window_place(step)
        return 0 <= begin <= table.AREA_SIZE - len(data)

    def perform(self, step: Step) -> None:
        """Do one step that can be done. Raises _Over, TargetStopped and CodecError."""
        _STEPS[step.op](self, step)

    def finish(self) -> None:
        """What was built and never sent is sent as it is."""
        if self._built:
            self._send(bytes(self._built))

    # ---- building ----

    def _append(self, data: bytes) -> None:
        self._built += data[: table.MAX_PAYLOAD - len(self._built)]

    def _bytes(self, step: Step) -> None:
        self._append(step.data)

    def _fill(self, step: Step) -> None:
        length, value = step.arguments
        self._append(bytes((value,)) * length)

    def _replay(self, step: Step) -> None:
        back, begin, length = step.arguments
        if back >= len(self.exchanges) or back >= RESPONSES_KEPT:
            return
        payload = self.exchanges[-1 - back].payload
        rest = payload[place_in(begin, len(payload)) :]
        self._append(rest if length == TO_THE_END else rest[: place_in(length, len(rest))])

    def _flip(self, step: Step) -> None:
        at, mask = step.arguments
        place = place_in(at, len(self._built))
        if place < len(self._built):
            self._built[place] ^= mask

    def _claim(self, step: Step) -> None:
        (self._claimed,) = step.arguments

    # ---- what is round the requests ----

    def _step_clock(self, step: Step) -> None:
        self._clock = min(max(0, self._clock + step.microseconds), CLOCK_LIMIT - 1)
        self._target.set_clock(self._clock)

    def _keys(self, step: Step) -> None:
        images = key_images()
        image = step.arguments[0] % len(images)
        if image != self._image:
            self._image = image
            self._target.write_key_image(images[image])

    def _window_place(self, step: Step) -> tuple[int, bytes]:
        """Where in the request area a write to the window begins, and what it writes."""
        at = step.arguments[0] % table.WINDOW_SIZE
        return at - table.WINDOW_REQUEST, bytes(self._built[: table.WINDOW_SIZE - at])

    def _window(self, step: Step) -> None:
        """The next request finds it in its area."""
        begin, data = self._window_place(step)
        self._built.clear()
        if self._interfering is not None:
            self._interfering.write_window(begin + table.WINDOW_REQUEST, data)
        if begin + len(data) > 0 and begin < table.AREA_SIZE:
            self._write(max(0, begin), data[max(0, -begin) : table.AREA_SIZE - begin])

    def _race(self, step: Step) -> None:
        """Without the capability, one that changes nothing."""
        if self._interfering is not None:
            self._interfering.race(*step.arguments)

    # ---- sending ----

    def _send_typed(self, step: Step) -> None:
        claimed = len(self._built) if self._claimed is None else self._claimed
        code = step.arguments[0]
        header = HEADER.pack(table.REQUEST_MAGIC, table.PROTOCOL_VERSION, code, table.FLAGS, claimed)
        self._send(header + self._built)

    def _send_raw(self, _step: Step) -> None:
        self._send(bytes(self._built))

    def _ring(self, _step: Step) -> None:
        self._count_send()
        self._exchange()

    def _repeat(self, step: Step) -> None:
        for _ in range(step.arguments[0] if self._last else 0):
            self._post(self._last)

    def _send(self, request: bytes) -> None:
        self._count_send()
        self._last = request
        self._built.clear()
        self._claimed = None
        self._post(request)

    def _count_send(self) -> None:
        self._sends += 1
        if self._sends > SENDS_MAX:
            raise _Over

    def _write(self, at: int, data: bytes) -> None:
        self._area.extend(bytes(max(0, at + len(data) - len(self._area))))
        self._area[at : at + len(data)] = data

    def _post(self, request: bytes) -> None:
        self._write(0, request)
        self._exchange()

    def _exchange(self) -> None:
        if len(self.exchanges) == _EXCHANGES_MAX or _ARENA_SIZE - self._kept < 2 * table.AREA_SIZE:
            raise _Over
        request = bytes(self._area)
        self._area.clear()
        answer = Response(table.Status.SUCCESS)
        try:
            answer = self._target.exchange(request)
        finally:
            self.exchanges.append(
                Exchange(self._clock, self._image, request, answer.status, answer.payload, instructions=0)
            )
            self._kept += len(request) + len(answer.payload)


_STEPS: Final[dict[Op, Callable[[_Client, Step], None]]] = {
    Op.BYTES: _Client._bytes,
    Op.FILL: _Client._fill,
    Op.REPLAY: _Client._replay,
    Op.FLIP: _Client._flip,
    Op.SEND: _Client._send_typed,
    Op.SEND_RAW: _Client._send_raw,
    Op.CLAIM: _Client._claim,
    Op.CLOCK: _Client._step_clock,
    Op.KEYS: _Client._keys,
    Op.WINDOW: _Client._window,
    Op.RING: _Client._ring,
    Op.REPEAT: _Client._repeat,
    Op.RACE: _Client._race,
}

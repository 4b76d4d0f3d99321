# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the answers to a script differ from the model's, told so that a reader sees both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.compare import Mismatch, compare
from harness.default_keys import ENTROPY
from harness.fuzz.executor import Exchange
from harness.fuzz.key_images import key_images
from harness.model import Model
from harness.protocol import commands as table
from harness.protocol.codec import CodecError, Response, decode_payload

_SHOWN = 64  # bytes of either side


@dataclass(frozen=True, slots=True)
class Difference:
    """The first exchange, counted from 1, that was not answered as the model demands."""

    number: int
    exchange: Exchange
    expected: Response
    mismatch: Mismatch

    def location(self) -> str:
        """Operation, field and statuses: equal for differences that look alike, whatever the bytes."""
        name, status = operation(self.exchange.request), self.expected.status
        if self.mismatch.field == "status":
            return f"{name} {self.mismatch}"
        return f"{name} {self._field()}: other than expected, status {status.name}"

    def explain(self) -> str:
        """Several lines: the exchange, and both answers."""
        lines = [f"exchange {self.number}, {operation(self.exchange.request)}: {self.mismatch}"]
        for side, response in (("expected", self.expected), ("answered", self.exchange.response)):
            lines.append(f"  {side} {response.status.name}, {len(response.payload)} bytes")
            if response.payload:
                lines.append(f"    {self._around(response.payload)}")
        return "\n".join(lines)

    def _field(self) -> str:
        """The response field in which the payloads differ first."""
        command = table.BY_CODE.get(self.exchange.request[2])
        if self.mismatch.field != "payload" or command is None:
            return self.mismatch.field
        try:
            expected = decode_payload(command.response, self.expected.payload)
            got = decode_payload(command.response, self.exchange.payload)
        except CodecError:
            return self.mismatch.field
        return next((name for name in expected if expected[name] != got[name]), self.mismatch.field)

    def _around(self, payload: bytes) -> str:
        """The bytes from shortly before the first difference on."""
        pairs = zip(self.expected.payload, self.exchange.payload, strict=False)
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
        begin = max(0, first - 8)
        end = begin + _SHOWN
        return f"from byte {begin}: {payload[begin:end].hex(' ')}{' ...' if end < len(payload) else ''}"


def operation(request: bytes) -> str:
    """The operation that a request names, whether or not it is well-formed: `AES_ENCRYPT`, `type 0x7f`."""
    if len(request) < 3:
        return "no request"
    command = table.BY_CODE.get(request[2])
    return command.name if command else f"type {request[2]:#04x}"


def answers(model: Model, exchanges: Iterable[Exchange]) -> Iterator[tuple[Exchange, Response]]:
    """Each exchange of one script with what the model, which stands right behind boot, says to it.

    Raises ModelError where the references of the model disagree.
    """
    images = key_images()
    image = 0
    for exchange in exchanges:
        if exchange.image != image:
            image = exchange.image
            model.key_image = images[image]
        yield exchange, model.exchange(exchange.request, exchange.clock)


def first_difference(exchanges: Iterable[Exchange], model: Model | None = None) -> Difference | None:
    """Ask the model the same; a fresh one where none is given. The exchanges are those of one script.

    Each has a sound answer. Raises ModelError where the references of the model disagree.
    """
    asked = answers(model or Model(ENTROPY, key_images()[0]), exchanges)
    for number, (exchange, expected) in enumerate(asked, start=1):
        if exchange.status != expected.status or exchange.payload != expected.payload:
            mismatch = compare(expected, exchange.response)
            assert isinstance(mismatch, Mismatch)
            return Difference(number, exchange, expected, mismatch)
    return None

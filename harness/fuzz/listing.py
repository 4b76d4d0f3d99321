# SPDX-License-Identifier: GPL-2.0-or-later
"""A script and what it did, to read: the steps, then each exchange with its fields by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.fuzz import script as scripts
from harness.fuzz.difference import operation
from harness.fuzz.executor import Exchange
from harness.protocol import commands as table
from harness.protocol.codec import HEADER, CodecError, FieldValue, decode_payload
from harness.protocol.commands import Field, Status

_SHOWN = 32  # bytes of a field
_SOUND = (table.REQUEST_MAGIC, table.PROTOCOL_VERSION, table.FLAGS)


def listing(script: bytes, exchanges: Sequence[Exchange], unanswered: bool = False) -> str:
    """The whole text: steps, then requests and responses. `unanswered`: the last exchange has no sound answer."""
    parts = ["steps\n", scripts.listing(script)]
    for number, exchange in enumerate(exchanges, start=1):
        parts.append(f"\nexchange {number}, clock {exchange.clock} us, key image {exchange.image}\n")
        lacks = unanswered and number == len(exchanges)
        parts += [f"  {line}\n" for line in exchange_lines(exchange, lacks)]
    return "".join(parts)


def exchange_lines(exchange: Exchange, unanswered: bool = False) -> Iterable[str]:
    """Request and response, field by field where they have the structure of their operation."""
    yield from _request(exchange.request)
    if unanswered:
        yield f"no sound answer{_cost(exchange)}"
    else:
        yield from _response(exchange)


def _request(request: bytes) -> Iterable[str]:
    if len(request) < table.HEADER_SIZE:
        yield f"request of {len(request)} bytes: {_hex(request)}"
        return
    magic, version, code, flags, length = HEADER.unpack_from(request)
    payload = request[table.HEADER_SIZE :]
    claimed = "" if length == len(payload) else f", claims {length}"
    yield f"request {operation(request)}, payload of {len(payload)} bytes{claimed}"
    if (magic, version, flags) != _SOUND:
        yield f"  magic {magic:#04x}, version {version}, flags {flags:#04x}"
    command = table.BY_CODE.get(code)
    yield from _fields(command.request if command and length == len(payload) else None, payload)


def _response(exchange: Exchange) -> Iterable[str]:
    known = exchange.status in set(Status)
    status = Status(exchange.status).name if known else f"status {exchange.status:#04x}"
    yield f"response {status}, payload of {len(exchange.payload)} bytes{_cost(exchange)}"
    command = table.BY_CODE.get(exchange.request[2]) if len(exchange.request) > 2 else None
    yield from _fields(command.response if command else None, exchange.payload)


def _cost(exchange: Exchange) -> str:
    return f", {exchange.instructions} instructions" if exchange.instructions else ""


def _fields(fields: Sequence[Field] | None, payload: bytes) -> Iterable[str]:
    """The fields where the payload has their structure, else its bytes."""
    try:
        values = None if fields is None else decode_payload(fields, payload)
    except CodecError:
        values = None
    if values is None:
        if payload:
            yield f"  {_hex(payload)}"
        return
    for name, value in values.items():
        yield f"  {name} {_value(value)}"


def _value(value: FieldValue) -> str:
    return f"{value} ({value:#x})" if isinstance(value, int) else f"[{len(value)}] {_hex(value)}".rstrip()


def _hex(data: bytes) -> str:
    return data[:_SHOWN].hex(" ") + (" ..." if len(data) > _SHOWN else "")

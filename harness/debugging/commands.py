# SPDX-License-Identifier: GPL-2.0-or-later
"""The `monitor` commands that know the protocol: give the service a request, show what it has answered."""

from __future__ import annotations

import struct
from typing import Final

from emulator.gdbserver.monitor import Command, MonitorError
from emulator.gdbserver.timeline import Timeline
from harness.debugging.debuggee import post
from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS
from harness.fuzz.executor import Exchange
from harness.fuzz.listing import exchange_lines
from harness.protocol import commands as table
from harness.protocol.codec import CodecError, FieldValue, decode_response, encode_payload, encode_request
from harness.protocol.commands import Field, FieldKind
from harness.targets.host_port import HostPort, HostPortError

_KEY_IDS: Final = {"AES": AES_KEY_ID, "MLDSA": MLDSA_KEY_IDS[65], "MLKEM": MLKEM_KEY_IDS[768]}
_HELP: Final = (
    "give the service (or the gateway, where there is one) work; VALUE: a number, hex digits, text:... or zeros:N"
)


def protocol_commands() -> tuple[Command, ...]:
    """`request` and `response`, for emulator.gdbserver.monitor.commands."""
    return (
        Command("request TYPE [FIELD=VALUE ...]", _HELP, _request),
        Command("response", "the exchange in the window, field by field", _response),
    )


def _request(timeline: Timeline, arguments: list[str]) -> str:
    names = ", ".join(command.name for command in table.COMMANDS)
    command = next((row for row in table.COMMANDS if arguments and row.name == arguments[0].upper()), None)
    if command is None:
        raise MonitorError(f"name one of {names}")
    try:
        values = dict(_assignment(command.request, argument) for argument in arguments[1:])
        for field in command.request:
            if field.name not in values and field.kind is not FieldKind.INTEGER:
                values[field.name] = bytes(field.size)
            elif field.name == "key_id":
                values.setdefault("key_id", _KEY_IDS[command.name.split("_")[0]])
        payload = encode_payload(command.request, values)
        gateway = timeline.system.board.gateway
        if gateway is not None and gateway.name in timeline.system.tasks:
            _give_job(timeline, command.code, payload)
        else:
            post(timeline, encode_request(command.code, payload))
    except (CodecError, HostPortError) as error:
        raise MonitorError(str(error)) from None
    return f"{command.name} is posted, {len(payload)} bytes of payload: continue"


def _give_job(timeline: Timeline, code: int, payload: bytes) -> None:
    _, port = timeline.system.board.with_gateway()
    with timeline.edit(port.base, port.size) as memory:
        HostPort(memory).post(code, payload)


def _assignment(fields: tuple[Field, ...], text: str) -> tuple[str, FieldValue]:
    name, equals, value = text.partition("=")
    field = next((field for field in fields if field.name == name), None)
    if not equals or field is None:
        raise MonitorError(f"{text!r} is no FIELD=VALUE; fields are {', '.join(field.name for field in fields)}")
    try:
        if field.kind is FieldKind.INTEGER:
            return name, int(value, 0)
        kind, colon, rest = value.partition(":")
        if colon and kind == "text":
            return name, rest.encode()
        if colon and kind == "zeros":
            return name, bytes(min(int(rest, 0), table.AREA_SIZE))
        return name, bytes.fromhex(value)
    except ValueError:
        raise MonitorError(f"{name}: {value!r} is no number, hex digits, text:... or zeros:N") from None


def _response(timeline: Timeline, _arguments: list[str]) -> str:
    board = timeline.system.board
    memory = timeline.system.read(board.window.base, board.window.size)
    rung, answered = struct.unpack_from("<II", memory)
    area = memory[table.WINDOW_REQUEST : table.WINDOW_REQUEST + table.AREA_SIZE]
    length = int.from_bytes(area[4:8], "little")
    request = area[: table.HEADER_SIZE + min(length, table.MAX_PAYLOAD)]
    doorbells = f"request doorbell {rung}, response doorbell {answered}"
    if rung == 0:
        return f"{doorbells}: nothing was asked"
    clock = timeline.system.kernel_page.now
    try:
        response = decode_response(memory[table.WINDOW_RESPONSE :])
    except CodecError as error:
        return f"{doorbells}: {error}"
    exchange = Exchange(clock, 0, request, response.status, response.payload, instructions=0)
    return "\n".join((doorbells, *exchange_lines(exchange, unanswered=rung != answered)))

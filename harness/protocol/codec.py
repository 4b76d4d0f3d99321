# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests and responses as bytes and as values; no I/O.

Payload layouts come from the table in `harness.protocol.commands`. Every error here is a CodecError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

from harness.protocol import commands as table
from harness.protocol.commands import Command, Field, FieldKind, Status

FieldValue = int | bytes


class CodecError(ValueError):
    """Bytes that are no response, or values that no request can carry."""


# magic, version, type or status, flags, payload_length (HDR-1, HDR-2)
HEADER = Struct("<BBBBI")


@dataclass(frozen=True, slots=True)
class Response:
    """A decoded response: its status and its payload, which is empty unless the status is SUCCESS (HDR-3)."""

    status: Status
    payload: bytes = b""


# One shared value for each response without a payload, so that refusals cost no allocation.
EMPTY_RESPONSES: tuple[Response, ...] = tuple(Response(status) for status in Status)


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request whose every header field can be set, for the malformed ones.

    `payload_length` is what the header claims; None claims the length that `payload` has.
    """

    type: int
    payload: bytes = b""
    magic: int = table.REQUEST_MAGIC
    version: int = table.PROTOCOL_VERSION
    flags: int = table.FLAGS
    payload_length: int | None = None

    def encode(self) -> bytes:
        """Header and payload, at most 65544 bytes; CodecError when a field does not fit."""
        claimed = len(self.payload) if self.payload_length is None else self.payload_length
        for name, value in (
            ("magic", self.magic),
            ("version", self.version),
            ("type", self.type),
            ("flags", self.flags),
        ):
            _check_range(name, value, 1)
        _check_range("payload_length", claimed, 4)
        if len(self.payload) > table.MAX_PAYLOAD:
            raise CodecError(f"a payload of {len(self.payload)} bytes is too long: the area holds {table.MAX_PAYLOAD}")
        return HEADER.pack(self.magic, self.version, self.type, self.flags, claimed) + self.payload


def encode_request(type: int, payload: bytes = b"") -> bytes:
    """A request with a sound header round `payload`; `type` may be any byte."""
    return RawRequest(type, payload).encode()


def encode_payload(fields: Sequence[Field], values: Mapping[str, FieldValue]) -> bytes:
    """The payload that `values` (field name -> int or bytes) make up.

    A length field that `values` leaves out is the length of the field that it counts; one that is given is written as
    it is, so that a caller can lie. Raises CodecError for a missing, unknown or unfitting value.
    """
    counted = {field.length_field: field.name for field in fields if field.kind is FieldKind.COUNTED}
    if unknown := values.keys() - {field.name for field in fields}:
        raise CodecError(f"no such field: {', '.join(sorted(unknown))}; there are {', '.join(f.name for f in fields)}")
    parts = []
    for field in fields:
        value = values.get(field.name)
        if value is None and field.name in counted:
            value = len(_bytes_value(counted[field.name], values.get(counted[field.name])))
        parts.append(_encode_field(field, value))
    return b"".join(parts)


def decode_payload(fields: Sequence[Field], payload: bytes) -> dict[str, FieldValue]:
    """The values of `payload` by field name; CodecError when its structure is not that of `fields`.

    What the fields of known length leave over belongs to the one field of kind REST; without one, nothing may be left.
    """
    values: dict[str, FieldValue] = {}
    known = sum(field.size for field in fields)
    position = 0
    for field in fields:
        if field.kind is FieldKind.COUNTED:
            size = _int_value(field.length_field, values[field.length_field])
            known += size
        elif field.kind is FieldKind.REST:
            size = len(payload) - known
        else:
            size = field.size
        if size < 0 or position + size > len(payload):
            raise CodecError(f"{field.name} ends behind the payload of {len(payload)} bytes")
        part = payload[position : position + size]
        values[field.name] = int.from_bytes(part, "little") if field.kind is FieldKind.INTEGER else part
        position += size
    if position != len(payload):
        raise CodecError(f"{len(payload) - position} bytes follow the last field of a payload of {len(payload)} bytes")
    return values


def encode_command(command: Command, **values: FieldValue) -> bytes:
    """The request of one operation from its named fields, as `encode_payload` takes them."""
    return encode_request(command.code, encode_payload(command.request, values))


def decode_result(command: Command, response: Response) -> dict[str, FieldValue]:
    """The named fields of a successful response to `command`; CodecError for any other response."""
    if response.status is not Status.SUCCESS:
        raise CodecError(f"{command.name} was answered with {response.status.name}: only SUCCESS has fields")
    return decode_payload(command.response, response.payload)


def decode_response(area: bytes | bytearray | memoryview) -> Response:
    """The response at the start of `area`; bytes behind its payload are not part of it.

    Raises CodecError when the header is not that of HDR-2, the status is not in the table, an error carries a payload
    (HDR-3) or `area` ends before the payload does.
    """
    if len(area) < table.HEADER_SIZE:
        raise CodecError(f"a response of {len(area)} bytes has no whole header: {table.HEADER_SIZE} bytes are needed")
    magic, version, status, flags, length = HEADER.unpack_from(area)
    if magic != table.RESPONSE_MAGIC:
        raise CodecError(f"response magic is 0x{magic:02X}, not 0x{table.RESPONSE_MAGIC:02X}")
    if version != table.PROTOCOL_VERSION:
        raise CodecError(f"response version is {version}, not {table.PROTOCOL_VERSION}")
    if status >= len(EMPTY_RESPONSES):
        raise CodecError(f"response status 0x{status:02X} is not in the table of statuses")
    if flags != table.FLAGS:
        raise CodecError(f"response flags are 0x{flags:02X}, not 0x{table.FLAGS:02X}")
    empty: Response = EMPTY_RESPONSES[status]
    if length == 0:
        return empty
    if status != Status.SUCCESS:
        raise CodecError(f"{empty.status.name} carries a payload of {length} bytes: an error carries none")
    if length > table.MAX_PAYLOAD:
        raise CodecError(f"response payload_length is {length}: {table.MAX_PAYLOAD} is the limit")
    end = table.HEADER_SIZE + length
    if end > len(area):
        raise CodecError(f"response is cut off: {len(area)} bytes are there, its header claims {end}")
    return Response(Status.SUCCESS, bytes(area[table.HEADER_SIZE : end]))


def encode_response(response: Response) -> bytes:
    """Header and payload of `response`, as a service writes them."""
    header = HEADER.pack(
        table.RESPONSE_MAGIC, table.PROTOCOL_VERSION, response.status, table.FLAGS, len(response.payload)
    )
    return header + response.payload


def aes_encrypt(key_id: int, aad: bytes, plaintext: bytes) -> bytes:
    """An AES_ENCRYPT request (SPEC section 4)."""
    return encode_command(table.AES_ENCRYPT, key_id=key_id, aad=aad, plaintext=plaintext)


def aes_decrypt(key_id: int, nonce: bytes, aad: bytes, ciphertext: bytes, tag: bytes) -> bytes:
    """An AES_DECRYPT request (SPEC section 4)."""
    return encode_command(table.AES_DECRYPT, key_id=key_id, nonce=nonce, aad=aad, ciphertext=ciphertext, tag=tag)


def mldsa_sign(key_id: int, context: bytes, message: bytes) -> bytes:
    """An MLDSA_SIGN request (SPEC section 4)."""
    return encode_command(table.MLDSA_SIGN, key_id=key_id, context=context, message=message)


def mldsa_verify(key_id: int, context: bytes, signature: bytes, message: bytes) -> bytes:
    """An MLDSA_VERIFY request (SPEC section 4)."""
    return encode_command(table.MLDSA_VERIFY, key_id=key_id, context=context, signature=signature, message=message)


def mlkem_keygen(key_id: int) -> bytes:
    """An MLKEM_KEYGEN request (SPEC section 4)."""
    return encode_command(table.MLKEM_KEYGEN, key_id=key_id)


def mlkem_encaps(encapsulation_key: bytes) -> bytes:
    """An MLKEM_ENCAPS request (SPEC section 4)."""
    return encode_command(table.MLKEM_ENCAPS, encapsulation_key=encapsulation_key)


def mlkem_decaps(key_id: int, ciphertext: bytes) -> bytes:
    """An MLKEM_DECAPS request (SPEC section 4)."""
    return encode_command(table.MLKEM_DECAPS, key_id=key_id, ciphertext=ciphertext)


def _encode_field(field: Field, value: FieldValue | None) -> bytes:
    if field.kind is FieldKind.INTEGER:
        number = _int_value(field.name, value)
        _check_range(field.name, number, field.size)
        return number.to_bytes(field.size, "little")
    part = _bytes_value(field.name, value)
    if field.kind is FieldKind.FIXED and len(part) != field.size:
        raise CodecError(f"{field.name} has {len(part)} bytes: give {field.size}")
    return part


def _check_range(name: str, value: int, size: int) -> None:
    if not 0 <= value < 1 << 8 * size:
        raise CodecError(f"{name} {value} does not fit {size} bytes: give 0 to {(1 << 8 * size) - 1}")


def _int_value(name: str, value: FieldValue | None) -> int:
    if not isinstance(value, int):
        raise CodecError(f"{name} is missing or no integer: give one")
    return value


def _bytes_value(name: str, value: FieldValue | None) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise CodecError(f"{name} is missing or no bytes: give some, maybe empty")
    return bytes(value)

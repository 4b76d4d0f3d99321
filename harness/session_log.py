# SPDX-License-Identifier: GPL-2.0-or-later
"""Session logs: what a client asked, when, and what it was answered; JSON lines, described in docs/symptoms.md.

A log holds headers, key ids and nonces, never a payload: nothing secret is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.key_image import KeyImage, KeyImageError
from harness.targets.base import Target
from harness.targets.emulated import EmulatedTarget
from harness.targets.tasks import TasksTarget

FORMAT, VERSION = "hil session log", 1
_ZEROS = bytes(table.AREA_SIZE)
_MLKEM_ENCAPS = 0x21
AES_ENCRYPT, AES_DECRYPT = 0x01, 0x02


class SessionLogError(ValueError):
    """A file that is no session log; the message names the line and what is expected there."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its status. `header` has up to 8 bytes; `window_clear` is None where nobody looked."""

    time_us: int
    header: bytes
    key_id: int | None
    nonce: bytes | None
    status: int
    window_clear: bool | None = None

    @property
    def type(self) -> int | None:
        """The request type, None where the header is too short to have one."""
        return self.header[2] if len(self.header) > 2 else None


@dataclass(frozen=True, slots=True)
class KeysWritten:
    """Key storage was written, at boot or later: each id's generation; None for an image that does not parse."""

    time_us: int
    generations: Mapping[int, int] | None
    boot: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done under a key before the log begins: recorded nonces and encryptions."""

    time_us: int
    key_id: int
    nonces: int
    encryptions: int


Event = Exchange | KeysWritten | Carried


@dataclass(frozen=True, slots=True)
class SessionLog:
    """A whole log; `build` is the kind of the firmware's build, `unknown` where nobody said."""

    build: str = "unknown"
    events: tuple[Event, ...] = field(default=())

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The requests alone, in order."""
        return tuple(event for event in self.events if isinstance(event, Exchange))


# ---- reading ----


def read_session(path: Path) -> SessionLog:
    """The log in a file. Raises SessionLogError for anything else, OSError when the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SessionLogError(f"{path}: not a text file; give a session log (docs/symptoms.md)") from None
    return parse_session(text.splitlines(), str(path))


def parse_session(lines: Iterable[str], name: str = "session log") -> SessionLog:
    """The log in some lines; empty ones are ignored."""
    build: str | None = None
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = _object(line)
            if build is None:
                build = _head(entry)
            else:
                events.append(_event(entry))
        except (ValueError, KeyError, RecursionError) as error:
            what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
            raise SessionLogError(f"{name}: line {number}: {what}; docs/symptoms.md describes the format") from None
    if build is None:
        raise SessionLogError(f"{name}: empty; the first line of a session log names its format (docs/symptoms.md)")
    return SessionLog(build, tuple(events))


def _object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg})") from None
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    return entry


def _head(entry: dict[str, Any]) -> str:
    if entry.get("format") != FORMAT:
        raise ValueError(f'the first line has to say "format": "{FORMAT}"')
    if entry.get("version") != VERSION:
        raise ValueError(f"version {entry.get('version')!r} is unknown, {VERSION} is what can be read")
    build = entry.get("build", "unknown")
    if not isinstance(build, str):
        raise ValueError("build is not a text")
    return build


def _event(entry: dict[str, Any]) -> Event:
    time = _integer(entry["time_us"], "time_us", 64)
    if "request" in entry:
        nonce, clear = entry.get("nonce"), entry.get("window_clear")
        if clear is not None and not isinstance(clear, bool):
            raise ValueError("window_clear is not true, false or null")
        return Exchange(
            time,
            _bytes(entry["request"], "request", table.HEADER_SIZE),
            None if entry.get("key_id") is None else _integer(entry["key_id"], "key_id", 32),
            None if nonce is None else _bytes(nonce, "nonce", table.GCM_NONCE_SIZE),
            _integer(entry["status"], "status", 8),
            clear,
        )
    if "generations" in entry:
        listed = entry["generations"]
        if listed is not None and not isinstance(listed, dict):
            raise ValueError("generations is neither an object nor null")
        pairs = None if listed is None else {_id(k): _integer(v, "generation", 32) for k, v in listed.items()}
        return KeysWritten(time, pairs, entry.get("boot") is True)
    if "carried" in entry:
        counts = (_integer(entry[name], name, 64) for name in ("nonces", "encryptions"))
        return Carried(time, _integer(entry["carried"], "carried", 32), *counts)
    raise ValueError("neither request, nor generations, nor carried is there")


def _integer(value: object, name: str, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is not a number of {bits} bits")
    return value


def _id(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise ValueError("a key id among generations is not a decimal number")
    return _integer(int(text), "key id", 32)


def _bytes(value: object, name: str, longest: int) -> bytes:
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        data = None
    if data is None or len(data) > longest:
        raise ValueError(f"{name} is not a text of at most {longest} bytes in hexadecimal")
    return data


# ---- writing ----


def exchange_of(time_us: int, request: bytes, status: int, window_clear: bool | None) -> Exchange:
    """What a log keeps of a request: header, key id, and the nonce of a decryption."""
    header, payload = request[: table.HEADER_SIZE], request[table.HEADER_SIZE :]
    kind = header[2] if len(header) > 2 else None
    has_key = kind in table.BY_CODE and kind != _MLKEM_ENCAPS and len(payload) >= 4
    key_id = int.from_bytes(payload[:4], "little") if has_key else None
    nonce = payload[4:16] if kind == AES_DECRYPT and len(payload) >= 16 else None
    return Exchange(time_us, header, key_id, nonce, status, window_clear)


class SessionWriter:
    """Writes a log line by line, so that what was logged before a crash is there."""

    def __init__(self, stream: TextIO, build: str = "unknown") -> None:
        self._stream = stream
        self._write({"format": FORMAT, "version": VERSION, "build": build})

    def write(self, event: Event) -> None:
        """Append one event."""
        entry: dict[str, Any] = {"time_us": event.time_us}
        if isinstance(event, Exchange):
            entry |= {"request": event.header.hex(), "key_id": event.key_id}
            entry |= {"nonce": None if event.nonce is None else event.nonce.hex(), "status": event.status}
            entry |= {"window_clear": event.window_clear}
        elif isinstance(event, KeysWritten):
            known = event.generations
            entry |= {"generations": None if known is None else {str(key): value for key, value in known.items()}}
            entry |= {"boot": True} if event.boot else {}
        else:
            entry |= {"carried": event.key_id, "nonces": event.nonces, "encryptions": event.encryptions}
        self._write(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        self._stream.write(json.dumps(entry, separators=(",", ":")) + "\n")
        self._stream.flush()


class RecordingTarget:
    """A target that passes everything on and logs it, as a client would that keeps a session log.

    With `clears`, it clears the window after each response, as the contract asks of a client (IPC-5).
    """

    def __init__(self, target: Target, stream: TextIO, clears: bool = True) -> None:
        build = target.build_kind if isinstance(target, EmulatedTarget) else "unknown"
        self._target = target
        self._window = target.window if isinstance(target, EmulatedTarget | TasksTarget) else None
        self._writer = SessionWriter(stream, build)
        self._clears = clears
        self._now = 0

    @property
    def name(self) -> str:
        """See Target.name."""
        return self._target.name

    @property
    def capabilities(self) -> frozenset[str]:
        """See Target.capabilities."""
        return self._target.capabilities

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        self._target.boot(entropy, key_image)
        self._writer.write(KeysWritten(self._now, _generations(key_image), boot=True))

    def exchange(self, request: bytes) -> Response:
        """See Target.exchange."""
        response = self._target.exchange(request)
        clear = self._clear(response)
        self._writer.write(exchange_of(self._now, request, response.status, clear))
        return response

    def carry(self, key_id: int, nonces: int, encryptions: int) -> None:
        """Log what was done under a key before."""
        self._writer.write(Carried(self._now, key_id, nonces, encryptions))

    def set_clock(self, microseconds: int) -> None:
        """See Target.set_clock."""
        self._target.set_clock(microseconds)
        self._now = microseconds

    def write_key_image(self, image: bytes) -> None:
        """See Target.write_key_image."""
        self._target.write_key_image(image)
        self._writer.write(KeysWritten(self._now, _generations(image)))

    def close(self) -> None:
        """See Target.close."""
        self._target.close()

    def _clear(self, response: Response) -> bool | None:
        """Clear the window if that is the client's habit; whether it is clear then."""
        if self._window is None:
            return None
        area = self._window.response_area
        if self._clears:
            used = table.HEADER_SIZE + len(response.payload)
            area[:used] = bytes(used)
        return bytes(area) == _ZEROS == bytes(self._window.request_area)


def _generations(raw: bytes) -> dict[int, int] | None:
    try:
        image = KeyImage.parse(raw)
    except KeyImageError:
        return None
    return {slot.key_id: slot.generation for slot in image.slots if slot is not None}

# SPDX-License-Identifier: GPL-2.0-or-later
"""The client library built for this machine, and transports that lead it to the model."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import Response
from harness.protocol.key_image import KeyImage
from harness.targets.model import ModelTarget

FIRMWARE = Path(__file__).parents[3] / "firmware"
HEADERS = ("request", "response", "exchange", "operations", "seal", "open")

# Set by the run under the sanitizers to its own build of the library.
LIBRARY_VARIABLE = "HOST_CLIENT_LIBRARY"

KEY = bytes(range(32))
OTHER_KEY = bytes(range(100, 132))
KEY_ID, OTHER_KEY_ID = 7, 8
KEYS = KeyImage((key_image.aes_slot(KEY_ID, KEY), key_image.aes_slot(OTHER_KEY_ID, OTHER_KEY))).build()
ENTROPY = bytes(range(48))

MALFORMED = b"\xee" * table.HEADER_SIZE


def declarations() -> str:
    """What the library's headers and status.h declare, as cffi reads it: preprocessed, without other headers."""
    source = "".join(f'#include "client/client_{name}.h"\n' for name in HEADERS)
    command = ["gcc", "-E", "-std=c11", "-ffreestanding", "-D__attribute__(x)=", "-I.", "-Iinclude", "-xc", "-"]
    text = subprocess.run(command, cwd=FIRMWARE, input=source, capture_output=True, text=True, check=True).stdout
    kept, ours = [], False
    for line in text.splitlines():
        if marker := re.match(r'# \d+ "([^"]*)"', line):
            ours = marker[1].removeprefix("./").startswith("client/") or marker[1].endswith("status.h")
        elif ours:
            kept.append(line)
    text = "\n".join(kept)
    text = re.sub(r"_Static_assert\(.*?\);", "", text, flags=re.DOTALL)
    text = sizes() + text
    text = re.sub(r"static inline [^{;]*\{.*?\n\}", "", text, flags=re.DOTALL)
    return re.sub(r"\b(\d+)u\b", r"\1", text)


def copy(ffi: FFI, data: bytes) -> Any:
    """See Library.memory. (An initializer of bytes would make cffi append a zero.)"""
    if not data:
        return ffi.NULL
    memory = ffi.new("uint8_t[]", len(data))
    ffi.buffer(memory)[:] = data
    return memory


def sizes() -> str:
    """The sizes of a sealed file, which the headers have as macros."""
    return "".join(
        f"#define SEALED_{name} {size}\n"
        for name, size in (("HEADER_SIZE", 12), ("HEAD_SIZE", 32), ("CHUNK_SIZE", 61440))
    )


class Library:
    """The shared library, with its declarations; `ffi` makes its arguments."""

    def __init__(self, path: Path) -> None:
        self.ffi = FFI()
        self.ffi.cdef(declarations())
        self._keep: tuple[Any, ...] = ()
        self.lib: Any = self.ffi.dlopen(str(path))

    def memory(self, data: bytes) -> Any:
        """The data in memory of exactly its size, so that a sanitizer sees any step beyond; NULL where it is empty."""
        return copy(self.ffi, data)

    def bytes(self, data: bytes) -> Any:
        """A struct client_bytes; what it points to stays alive over the next few calls."""
        memory = self.memory(data)
        self._keep = (*self._keep[-8:], memory)
        return self.ffi.new("struct client_bytes *", {"data": memory, "length": len(data)})[0]

    def buffer(self, size: int) -> Buffer:
        """Room for `size` bytes."""
        return Buffer(self.ffi, size)

    def result(self, value: int) -> str:
        """The name of a client_result."""
        return str(self.ffi.string(self.ffi.cast("enum client_result", value)))


class Buffer:
    """A struct client_buffer and the memory behind it, which is filled with 0xAA."""

    def __init__(self, ffi: FFI, size: int) -> None:
        self._ffi = ffi
        self.memory = copy(ffi, b"\xaa" * size)
        self.struct = ffi.new("struct client_buffer *", {"data": self.memory, "size": size, "length": 77})
        self._size = size

    @property
    def content(self) -> bytes:
        """The bytes that the library says it has written."""
        return self._take(self.struct.length)

    @property
    def untouched(self) -> bool:
        """Nothing was written, and the library says so."""
        return self.struct.length == 0 and self._take(self._size) == b"\xaa" * self._size

    def _take(self, size: int) -> bytes:
        return bytes(self._ffi.buffer(self.memory, size)) if size else b""


class Link:
    """A struct client over Python: what is sent goes to `answer`, which gives the response area's new bytes or None."""

    def __init__(self, library: Library, answer: Callable[[bytes], bytes | None]) -> None:
        ffi = library.ffi
        self.answer = answer
        self.sent: list[bytes] = []
        self.waits: list[int] = []
        self.on_wait: Callable[[int], None] = self.waits.append
        self._request = ffi.new("uint8_t[]", table.AREA_SIZE)
        self._response = ffi.new("uint8_t[]", table.AREA_SIZE)
        self._exchange = ffi.callback("bool(void *)", self._on_exchange, error=False)
        self._wait = ffi.callback("void(void *, uint32_t)", self._on_wait)
        self._transport = ffi.new(
            "struct client_transport *",
            {
                "request": self._request,
                "response": self._response,
                "exchange": self._exchange,
                "wait": self._wait,
            },
        )
        self.request_area = ffi.buffer(self._request)
        self.response_area = ffi.buffer(self._response)
        self.client = ffi.new("struct client *", {"transport": self._transport})

    @property
    def clean(self) -> bool:
        """Both areas hold nothing but zeros (IPC-5)."""
        return not any(self.request_area[:]) and not any(self.response_area[:])

    def _on_exchange(self, context: object) -> bool:
        request = bytes(self.request_area)
        length = int.from_bytes(request[4:8], "little")
        self.sent.append(request[: table.HEADER_SIZE + length])
        answer = self.answer(self.sent[-1])
        if answer is None:
            return False
        self.response_area[: len(answer)] = answer
        return True

    def _on_wait(self, context: object, microseconds: int) -> None:
        self.on_wait(microseconds)


class ModelLink(Link):
    """A link to the model of the service; waiting moves its clock, and so does each request by `pace` microseconds."""

    def __init__(self, library: Library, keys: bytes = KEYS, pace: int = table.RATE_INTERVAL_US) -> None:
        super().__init__(library, self._ask)
        self.target = ModelTarget()
        self.target.boot(ENTROPY, keys)
        self.pace = pace
        self.now = 0
        self.on_wait = self._pass

    def reset(self) -> None:
        """Boots the service again: it has forgotten every nonce."""
        self.target.boot(ENTROPY[::-1], KEYS)

    def _pass(self, microseconds: int) -> None:
        self.waits.append(microseconds)
        self.now += microseconds
        self.target.set_clock(self.now)

    def _ask(self, request: bytes) -> bytes:
        self.now += self.pace
        self.target.set_clock(self.now)
        return codec.encode_response(self.target.exchange(request))


@pytest.fixture(scope="session")
def library() -> Library:
    """The library as `make host` builds it, or the one that the environment names."""
    if path := os.environ.get(LIBRARY_VARIABLE):
        return Library(Path(path))
    subprocess.run(["make", "-s", "-C", FIRMWARE, "host"], check=True)
    return Library(FIRMWARE / "build" / "host" / "libclient.so")


@pytest.fixture
def answering(library: Library) -> Callable[..., Link]:
    """Makes a link that gives the answers in turn, the last one again and again: responses, or bytes of the area."""

    def make(*answers: Response | bytes | None) -> Link:
        left = [codec.encode_response(answer) if isinstance(answer, Response) else answer for answer in answers]
        return Link(library, lambda request: left.pop(0) if len(left) > 1 else left[0])

    return make


@pytest.fixture
def model_link(library: Library) -> ModelLink:
    """A link to the model with two AES keys: KEY as id 7, OTHER_KEY as id 8."""
    return ModelLink(library)


class Files:
    """Whole sealed files through the library's streaming calls, over one link."""

    def __init__(self, library: Library, link: Link) -> None:
        self.library = library
        self.link = link

    def seal(self, plaintext: bytes, key_id: int = KEY_ID) -> bytes:
        """The sealed file; every call of it must succeed."""
        ffi, lib = self.library.ffi, self.library.lib
        state, header = ffi.new("struct client_seal *"), ffi.new("uint8_t[]", lib.SEALED_HEADER_SIZE)
        lib.client_seal_begin(state, self.link.client, key_id, header)
        parts = [bytes(ffi.buffer(header))]
        for start in range(0, len(plaintext), lib.SEALED_CHUNK_SIZE):
            chunk = plaintext[start : start + lib.SEALED_CHUNK_SIZE]
            record = self.library.buffer(len(chunk) + lib.SEALED_HEAD_SIZE)
            assert lib.client_seal_chunk(state, self.library.bytes(chunk), record.struct) == lib.CLIENT_OK
            parts.append(record.content)
        record = self.library.buffer(lib.SEALED_HEAD_SIZE)
        assert lib.client_seal_end(state, record.struct) == lib.CLIENT_OK
        return b"".join((*parts, record.content))

    def open(self, sealed: bytes) -> tuple[str, bytes]:
        """The result, and the plaintext that came out on the way, as a caller reads a file: piece by piece."""
        ffi, lib = self.library.ffi, self.library.lib
        state = ffi.new("struct client_open *")
        lib.client_open_begin(state, self.link.client)
        position, plaintext = 0, b""
        while wanted := lib.client_open_wants(state):
            piece = sealed[position : position + wanted]
            position += len(piece)
            room = self.library.buffer(wanted)
            result = lib.client_open_next(state, self.library.bytes(piece), room.struct)
            plaintext += room.content
            if result != lib.CLIENT_OK:
                assert room.untouched
                assert lib.client_open_wants(state) == 0
                assert lib.client_open_next(state, self.library.bytes(b""), room.struct) == result
        return self.library.result(lib.client_open_end(state, len(sealed) - position)), plaintext


@pytest.fixture
def files(library: Library, model_link: ModelLink) -> Files:
    """Sealed files through the model."""
    return Files(library, model_link)


@pytest.fixture(scope="session")
def pattern() -> Callable[[int], bytes]:
    """Makes as many bytes as asked for, no two chunks of them alike."""
    stream = hashlib.shake_128(b"pattern").digest(1 << 24)
    return lambda size: stream[:size]

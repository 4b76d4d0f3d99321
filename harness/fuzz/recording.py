# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded exchanges as scripts: what the service has answered before is taken from its answers, not written down.

So a script stays right where answers differ: the nonce, the signature, the ciphertext are those of the run. Every
script begins behind a boot with the first key image, the clock at 0; a long sequence becomes several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Final

from harness.fuzz import script as s
from harness.fuzz.key_images import key_images
from harness.fuzz.script import FROM_THE_END, RESPONSES_KEPT, SENDS_MAX, Step
from harness.protocol import commands as table
from harness.protocol.codec import HEADER
from harness.tape import TapedExchange

_REPEATS_MAX: Final = 255
_PART: Final = table.GCM_NONCE_SIZE  # the shortest part of an answer that means something
_LAST_PARTS: Final = (table.GCM_TAG_SIZE, table.MLKEM_SECRET_SIZE)  # others begin with the answer, or behind the nonce
_RUN: Final = 8  # equal bytes: as many make a FILL shorter than what it stands for
_MULTIPLIER_MAX: Final = (1 << 31) - 1
_SHIFT_MAX: Final = 31


def scripts(sequences: Iterable[Sequence[TapedExchange]], length: int) -> tuple[bytes, ...]:
    """Scripts of at most `length` bytes, none twice; requests that need more are left out, as are other key images."""
    found = (script for sequence in sequences for script in _scripts(sequence, length))
    return tuple(dict.fromkeys(found))


def _scripts(sequence: Iterable[TapedExchange], length: int) -> Iterator[bytes]:
    script = _Script()
    for exchange in sequence:
        if not script.take(exchange, length):
            yield from script.whole()
            script = _Script()
            script.take(exchange, length)
    yield from script.whole()


@dataclass(slots=True)
class _Script:
    """A script that grows, and what the service is in behind it."""

    encoded: bytes = b""
    clock: int = 0
    image: int = 0
    sends: int = 0
    repeats: int = 0
    last: bytes = b""
    answers: list[bytes] = field(default_factory=list)
    places: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def whole(self) -> Iterator[bytes]:
        """The script, unless it asks nothing."""
        if self.answers:
            yield self.encoded

    def take(self, exchange: TapedExchange, length: int) -> bool:
        """Add an exchange; False, and nothing is changed, where the script becomes too long by it."""
        image = _image_number(exchange.key_image, self.image)
        around = [*_clock_steps(exchange.clock - self.clock), *([s.keys(image)] if image != self.image else [])]
        again = bool(self.answers) and not around and exchange.request == self.last and self.repeats < _REPEATS_MAX
        sends, repeats = (self.sends, self.repeats + 1) if again else (self.sends + 1, 0)
        data, sending = _taken_apart(exchange.request)
        if sends > SENDS_MAX or len(data) > table.MAX_PAYLOAD:
            return False
        encoded = self.encoded
        if again and self.repeats:
            encoded = encoded.removesuffix(s.repeat(self.repeats).encode())
        for step in [s.repeat(repeats)] if again else chain(around, self._build(data), sending):
            encoded += step.encode()
            if len(encoded) > length:
                return False
        self.encoded, self.sends, self.repeats = encoded, sends, repeats
        self.clock, self.image, self.last = exchange.clock, image, exchange.request
        self._answered(exchange.payload)
        return True

    def _answered(self, payload: bytes) -> None:
        number = len(self.answers)
        self.answers.append(payload)
        for begin in (0, table.GCM_NONCE_SIZE, *(len(payload) - size for size in _LAST_PARTS)):
            self._know(number, begin)

    def _know(self, number: int, begin: int) -> None:
        """Remember that a part of an answer may begin here."""
        part = self.answers[number][begin : begin + _PART] if 0 <= begin < FROM_THE_END else b""
        if len(part) == _PART:
            self.places[part] = (number, begin)

    def _build(self, data: bytes) -> Iterator[Step]:
        """Runs of one byte, parts of answers, and what is neither."""
        begin = at = 0
        while at < len(data):
            step, size = self._short_form(data, at)
            if step is None:
                at += 1
                if at - begin == s.BYTES_MAX:  # whoever has no room for it need not wait for the rest
                    yield from s.literal(data[begin:at])
                    begin = at
                continue
            yield from s.literal(data[begin:at])
            yield step
            begin = at = at + size
        yield from s.literal(data[begin:])

    def _short_form(self, data: bytes, at: int) -> tuple[Step | None, int]:
        run = _run_length(data, at)
        if run >= _RUN:
            return s.fill(run, data[at]), run
        number, begin = self.places.get(data[at : at + _PART], (-1, 0))
        back = len(self.answers) - 1 - number
        if number < 0 or back >= RESPONSES_KEPT:
            return None, 0
        answer = self.answers[number]
        size = _common(data, at, answer, begin)
        for changed in (0, 1):  # behind bytes that were put in or changed it may go on
            self._know(number, begin + size + changed)
        return s.replay(back, begin, s.TO_THE_END if begin + size == len(answer) else size), size


def _taken_apart(request: bytes) -> tuple[bytes, list[Step]]:
    """What is to be built, and how it is sent: a sound header is left to the executor; of others each byte counts."""
    if len(request) >= table.HEADER_SIZE:
        magic, version, code, flags, claimed = HEADER.unpack_from(request)
        if (magic, version, flags) == (table.REQUEST_MAGIC, table.PROTOCOL_VERSION, table.FLAGS):
            payload = request[table.HEADER_SIZE :]
            return payload, [*([s.claim(claimed)] if claimed != len(payload) else []), s.send(code)]
    return request, [s.send_raw()]


def _image_number(image: bytes, before: int) -> int:
    """The prepared image that this one is; `before` where it is none of them."""
    padded = image.ljust(table.KEY_STORAGE_SIZE, b"\0")
    images = key_images()
    return images.index(padded) if padded in images else before


def _clock_steps(microseconds: int) -> Iterator[Step]:
    """Steps that add up to this one, the longest first."""
    sign, rest = (-1, -microseconds) if microseconds < 0 else (1, microseconds)
    while rest:
        shift = min(_SHIFT_MAX, max(0, rest.bit_length() - 31))
        multiplier = min(_MULTIPLIER_MAX, rest >> shift)
        yield s.clock(sign * multiplier, shift)
        rest -= multiplier << shift


def _run_length(data: bytes, at: int) -> int:
    """How many bytes from `at` on are equal."""
    if data[at : at + _RUN].count(data[at]) < _RUN:
        return 0
    _, run = next(groupby(data[at : at + 0xFFFF]))
    return sum(1 for _ in run)


def _common(one: bytes, at: int, other: bytes, begin: int) -> int:
    """How many bytes are the same from `at` and from `begin` on, as far as a step can say."""
    most = min(len(one) - at, len(other) - begin, FROM_THE_END - 1)
    return next((i for i in range(most) if one[at + i] != other[begin + i]), most)

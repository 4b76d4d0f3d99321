# SPDX-License-Identifier: GPL-2.0-or-later
"""Strict reading: hexadecimal strings, and JSON objects of which every field has to be known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from harness.vectors.error import VectorError

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_SHOWN = 40


def shortened(text: str) -> str:
    """`text` as an error message shows it."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text)} characters)"


def parse_hex(text: str, what: str) -> bytes:
    """Bytes from hexadecimal digits, of either case, without any space; VectorError names `what`."""
    if _HEX.fullmatch(text) is None:
        raise VectorError(f"{what} is no hexadecimal string of whole bytes: {shortened(text)}")
    return bytes.fromhex(text)


def check_bits(what: str, value: bytes, bits: int) -> None:
    """VectorError unless `value` has the length that the file states for it."""
    if 8 * len(value) != bits:
        raise VectorError(f"{what} has {8 * len(value)} bits where {bits} are stated: the file is damaged")


def parse_json(text: str) -> Any:
    """The value of a JSON text. VectorError for a syntax error, a name that an object has twice, or no number."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except VectorError:
        raise
    except RecursionError:
        raise VectorError("JSON is nested too deeply: no vector file is") from None
    except ValueError as error:
        raise VectorError(f"JSON is damaged or cut off: {error}") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise VectorError(f"field {twice} stands twice in one JSON object: the file is damaged")
    return made


def _no_constant(name: str) -> NoReturn:
    raise VectorError(f"{name} is no JSON value: the file is damaged")


class Fields:
    """One JSON object. Each field is taken by name and type; `done` refuses the ones that nobody took.

    `where` begins every error message, such as "tcId 5". Every method raises VectorError.
    """

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise VectorError(f"{where} is no JSON object: the file is damaged")
        self.where = where
        self._left: dict[str, Any] = dict(value)
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        """Whether the field is there, taken or not."""
        return name in self._left or name in self._taken

    def text(self, name: str, allowed: Sequence[str] = ()) -> str:
        """A string, one of `allowed` where given."""
        value = self._take(name, str, "string")
        if allowed and value not in allowed:
            raise VectorError(
                f"{self.where}: {name} {shortened(value)} is unknown, only {' or '.join(allowed)} can be read"
            )
        return str(value)

    def hex(self, name: str) -> bytes:
        """A string of hexadecimal digits."""
        return parse_hex(self.text(name), f"{self.where}: {name}")

    def sized_hex(self, name: str, size: int) -> bytes:
        """A string of hexadecimal digits, for `size` bytes; where a length may be wrong on purpose, `hex` reads it."""
        value = self.hex(name)
        check_bits(f"{self.where}: {name}", value, 8 * size)
        return value

    def hex_or_null(self, name: str) -> bytes | None:
        """A string of hexadecimal digits, or null."""
        if name in self._left and self._left[name] is None:
            del self._left[name]
            self._taken.add(name)
            return None
        return self.hex(name)

    def integer(self, name: str) -> int:
        """A whole number that is not negative."""
        value = self._take(name, int, "whole number")
        if isinstance(value, bool) or value < 0:
            raise VectorError(f"{self.where}: {name} is no whole number of 0 or more: the file is damaged")
        return int(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self._take(name, bool, "true or false"))

    def items(self, name: str) -> list[Any]:
        """A list that is not empty."""
        value = self._take(name, list, "list")
        if not value:
            raise VectorError(f"{self.where}: {name} is empty: the file is damaged")
        return list(value)

    def skip(self, *names: str) -> None:
        """Fields that are known, may be absent, and say nothing that a case needs."""
        for name in names:
            self._left.pop(name, None)

    def done(self) -> None:
        """VectorError when a field is left: what it says might change what the others mean."""
        if self._left:
            names = ", ".join(map(shortened, sorted(self._left)))
            raise VectorError(f"{self.where}: unknown field {names}: this reader does not know what it means")

    def _take(self, name: str, kind: type, called: str) -> Any:
        if name not in self._left:
            raise VectorError(f"{self.where}: field {name} is missing")
        value = self._left.pop(name)
        self._taken.add(name)
        if not isinstance(value, kind):
            raise VectorError(f"{self.where}: {name} is no {called}: the file is damaged")
        return value

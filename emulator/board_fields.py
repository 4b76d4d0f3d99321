# SPDX-License-Identifier: GPL-2.0-or-later
"""The fields of a board file: one table, from which the reader checks, `hil init` writes and the manual prints."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from emulator.board import AN386, PAGE_SIZE, Access
from emulator.errors import EmulatorError

Kind = Literal["text", "banks", "region", "wait"]

TODO: Final = "TODO"
MAX_FILE_SIZE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field: `name` with its table before the dot. Of a region `access` is fixed, and `size` the least, if any."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    access: Access = "rw"
    size: int = 0

    @property
    def form(self) -> str:
        """What its value looks like."""
        address = "address = N or symbol = TEXT"
        if self.kind == "region":
            return f"{{ {address}, size = N }}" if not self.size else f"{{ {address} }}"
        if self.kind == "banks":
            return "a table of { address = N, size = N, access = TEXT }"
        return "text" if self.kind == "text" else f'{{ kind = "wfi" }} or {{ kind = "address", {address} }}'


# What the loader fills is as large on every board.
FIELDS: Final = (
    FieldRow("name", "text", "how reports call the board; without it, the file's name"),
    FieldRow("firmware", "text", "the image to take without `--firmware`; relative to the file"),
    FieldRow("cpu", "text", "the core's model", required=True),
    FieldRow("qemu_machine", "text", "the machine of qemu-system-arm that has this memory map, if one has"),
    FieldRow("wait", "wait", "how it waits for a doorbell: in WFI, or by polling, and then where", required=True),
    FieldRow("memory", "banks", "the memories that the hardware has; `access` is r, rw or rx", required=True),
    FieldRow("service.code", "region", "text and constants; begins with the vector table", required=True, access="rx"),
    FieldRow("service.stack", "region", "the stack", required=True),
    FieldRow("service.data", "region", "variables", required=True),
    FieldRow("service.bulk", "region", "large buffers that are dead between requests, if they lie apart"),
    FieldRow("service.filters", "region", "memory that never holds a secret, such as nonce filters, if it lies apart"),
    FieldRow("service.utcb", "region", "the task's control page, if it has one", size=PAGE_SIZE),
    FieldRow("shared.window", "region", "the window between client and service", required=True, size=AN386.window.size),
    FieldRow("shared.kernel_page", "region", "the kernel info page", required=True, access="r", size=PAGE_SIZE),
    FieldRow("shared.entropy_page", "region", "the entropy page", required=True, size=PAGE_SIZE),
    FieldRow("shared.key_storage", "region", "the keys", required=True, access="r", size=AN386.key_storage.size),
    FieldRow("devices.uart", "region", "a CMSDK APB UART, if it prints to one; reports show what", size=PAGE_SIZE),
    FieldRow("devices.system_control", "region", "the system control space, if it uses it", size=PAGE_SIZE),
)  # fmt: skip
BY_NAME: Final = {row.name: row for row in FIELDS}
_TABLES: Final = tuple(dict.fromkeys(row.name.split(".")[0] for row in FIELDS if "." in row.name))


class BoardFileError(EmulatorError):
    """A board file cannot be used; the message names the file, the field and what to do."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a board file says: values by the names of FIELDS, of the right types but not yet held against each other."""

    path: Path
    values: Mapping[str, Any]

    def error(self, field: str, problem: str) -> BoardFileError:
        """The exception to raise: one line, whatever the strings in the file hold."""
        text = " ".join(f"{self.path}: {field}: {problem}".split())
        return BoardFileError("".join(letter if letter.isprintable() else "?" for letter in text))

    def __contains__(self, field: str) -> bool:
        return field in self.values

    def text(self, field: str, default: str = "") -> str:
        """The value of a field of kind text."""
        value = self.values.get(field, default)
        if value == TODO:
            raise self.error(field, "still says TODO, fill it in")
        return str(value)

    def table(self, field: str) -> Mapping[str, Any]:
        """The value of a field of another kind."""
        value: Mapping[str, Any] = self.values[field]
        return value

    def part(self, field: str, name: str, kind: type[int] | type[str]) -> Any:
        """A member of such a value, of type `kind`; None where it is not there."""
        value = self.table(field).get(name)
        where = f"{field}.{name}"
        if value == TODO:
            raise self.error(where, "still says TODO, fill it in")
        if value is None or _is(value, kind):
            return value
        raise self.error(where, f"is {_describe(value)}, not {_KIND_NAMES[kind]}")

    def only(self, field: str, *known: str) -> None:
        """Raises BoardFileError where a field's value has members other than `known`."""
        for name in self.table(field):
            if name not in known:
                raise self.error(f"{field}.{name}", f"is unknown, use one of: {', '.join(known)}")


_KIND_NAMES: Mapping[type[Any], str] = {int: "a number", str: "text", dict: "a table"}


def read_fields(path: Path) -> Fields:
    """Read a board file and check its fields' names and types. Raises BoardFileError."""
    nothing = Fields(path, {})
    try:
        with path.open("rb") as stream:
            contents = stream.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        raise BoardFileError(f"{path}: cannot be read ({error.strerror}), check path and permissions") from error
    if len(contents) > MAX_FILE_SIZE:
        raise nothing.error("size", f"is over {MAX_FILE_SIZE} bytes, give a board file")
    try:
        document = tomllib.loads(contents.decode())
    except UnicodeDecodeError:
        raise nothing.error("file", "is no UTF-8 text, give a board file in TOML") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise nothing.error("file", f"is no TOML ({error}), correct it") from None
    values = dict(_flat(nothing, document))
    missing = next((row for row in FIELDS if row.required and row.name not in values), None)
    if missing is not None:
        raise nothing.error(missing.name, f"is missing, add it: {missing.meaning}; {missing.form}")
    return Fields(path, values)


def _flat(source: Fields, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every field by its whole name, each with a value of its kind."""
    for name, value in document.items():
        if name not in _TABLES:
            yield (
                name,
                _checked(source, name, value, tuple(row.name for row in FIELDS if "." not in row.name) + _TABLES),
            )
            continue
        if not isinstance(value, dict):
            raise source.error(name, f"is {_describe(value)}, not a table")
        known = tuple(row.name for row in FIELDS if row.name.startswith(f"{name}."))
        yield from ((f"{name}.{key}", _checked(source, f"{name}.{key}", entry, known)) for key, entry in value.items())


def _checked(source: Fields, name: str, value: Any, known: tuple[str, ...]) -> Any:
    row = BY_NAME.get(name)
    if row is None:
        raise source.error(name, f"is unknown, use one of: {', '.join(known)}")
    kind = str if row.kind == "text" else dict
    if not _is(value, kind):
        raise source.error(name, f"is {_describe(value)}, not {_KIND_NAMES[kind]}: {row.form}")
    return value


def _is(value: Any, kind: type[Any]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _describe(value: Any) -> str:
    for kind, name in _KIND_NAMES.items():
        if _is(value, kind):
            return name
    return {bool: "true or false", float: "a fraction", list: "a list"}.get(type(value), "a date or time")

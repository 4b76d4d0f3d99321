# SPDX-License-Identifier: GPL-2.0-or-later
"""The response files (.rsp) of NIST's CAVP, whatever they are about: comments, sections with parameters, records.

# comment
[Keylen = 256]          parameters that open a section, all lines of it together
[AES-256 no df]         or a parameter without a value

Count = 0               a record: fields in a fixed order, a name possibly more than once, until an empty line
Key = 00 ...
FAIL                    or the one word that stands for "the operation has to fail"
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.vectors.error import VectorError
from harness.vectors.fields import parse_hex, shortened

_LINE_END = re.compile(r"\r\n|\n")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,9}")

FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `line` is the number of its first line. FAIL has the value ""."""

    line: int
    fields: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names in their order."""
        return tuple(name for name, _ in self.fields)

    def hex(self, name: str) -> bytes:
        """The bytes of the first field of that name, which `names` has."""
        return self.all_hex(name)[0]

    def all_hex(self, name: str) -> tuple[bytes, ...]:
        """The bytes of every field of that name, in their order."""
        what = f"line {self.line}: {name}"
        return tuple(parse_hex(value, what) for other, value in self.fields if other == name)

    def integer(self, name: str) -> int:
        """The number in a field that `names` has once."""
        return _integer(dict(self.fields)[name], f"line {self.line}: {name}")

    def expect(self, *layouts: Sequence[str]) -> None:
        """VectorError unless the record has the fields of one of `layouts`, in its order."""
        if self.names not in map(tuple, layouts):
            wanted = " or ".join(", ".join(layout) for layout in layouts)
            raise VectorError(
                f"line {self.line}: a record of {', '.join(self.names)}, "
                f"expected {wanted}: the file is cut off or damaged"
            )


@dataclass(frozen=True, slots=True)
class Section:
    """Parameters, None for one without a value, and the records that they hold for.

    The first section of a file may have no parameters.
    """

    line: int
    parameters: Mapping[str, str | None]
    records: tuple[Record, ...]

    def integer(self, name: str) -> int:
        """The number of a parameter that is there."""
        return _integer(self.parameters[name] or "", f"line {self.line}: {name}")

    def expect(self, names: Collection[str]) -> None:
        """VectorError unless the section has these parameters and no others."""
        for name in sorted(set(names) - self.parameters.keys()):
            raise VectorError(f"line {self.line}: the section lacks the parameter {name}: the file is damaged")
        for name in sorted(self.parameters.keys() - set(names)):
            raise VectorError(f"line {self.line}: unknown parameter {shortened(name)}")

    def expect_counts(self, name: str, records: Sequence[Record]) -> None:
        """VectorError unless the field `name` of these records counts from 0: none is missing, none stands twice."""
        for expected, record in enumerate(records):
            if record.integer(name) != expected:
                raise VectorError(
                    f"line {record.line}: {name} is {record.integer(name)}, expected {expected}: "
                    "records are missing or stand twice"
                )


@dataclass(frozen=True, slots=True)
class CavpDocument:
    """A whole file: the texts of its comments, and its sections, none of them without a record."""

    comments: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def parameters(self) -> Collection[str]:
        """The names of the first section's parameters, by which a primitive knows its files."""
        return self.sections[0].parameters.keys()

    def only_section(self) -> Section:
        """The section of a file of a kind that has no more; VectorError where there are more."""
        if len(self.sections) > 1:
            raise VectorError(f"line {self.sections[1].line}: a section is unknown here: the file is damaged")
        return self.sections[0]


def parse_cavp(text: str) -> CavpDocument:
    """The document in `text`; VectorError for what is none, or has no record."""
    reader = _Reader()
    for number, line in enumerate(_LINE_END.split(text), start=1):
        reader.line(number, line.strip(" \t"))
    reader.end_section()
    if not reader.sections:
        raise VectorError("there is no record in the file: it is cut off")
    return CavpDocument(tuple(reader.comments), tuple(reader.sections))


class _Reader:
    """Collects lines into records, and records into sections."""

    def __init__(self) -> None:
        self.comments: list[str] = []
        self.sections: list[Section] = []
        self._line = 1
        self._parameters: dict[str, str | None] = {}
        self._records: list[Record] = []
        self._record_line = 0
        self._fields: list[tuple[str, str]] = []

    def line(self, number: int, line: str) -> None:
        """Takes one line without its end."""
        if not line:
            self._end_record()
        elif line.startswith("#"):
            self.comments.append(line.lstrip("# \t"))
        elif line.startswith("["):
            self._parameter(number, line)
        else:
            self._field(number, line)

    def end_section(self) -> None:
        """Closes the section that is open, if any."""
        self._end_record()
        if self._parameters and not self._records:
            raise VectorError(f"line {self._line}: no record follows these parameters: the file is cut off")
        if self._records:
            self.sections.append(Section(self._line, self._parameters, tuple(self._records)))
        self._parameters, self._records = {}, []

    def _end_record(self) -> None:
        if self._fields:
            self._records.append(Record(self._record_line, tuple(self._fields)))
            self._fields = []

    def _parameter(self, number: int, line: str) -> None:
        if not line.endswith("]"):
            raise VectorError(f"line {number}: no closing bracket: the file is cut off or damaged")
        self._end_record()
        if self._records:
            self.end_section()
        if not self._parameters:
            self._line = number
        name, equals, value = line[1:-1].partition("=")
        name = name.strip()
        if name in self._parameters:
            raise VectorError(f"line {number}: parameter {shortened(name)} stands twice in one section")
        self._parameters[name] = value.strip() if equals else None

    def _field(self, number: int, line: str) -> None:
        name, equals, value = line.partition("=")
        name = name.strip()
        if _NAME.fullmatch(name) is None or bool(equals) == (name == FAIL):
            nothing_yet = not (self.sections or self._parameters or self._records or self._fields)
            what = "not a CAVP, Wycheproof or ACVP file: " if nothing_yet else ""
            raise VectorError(f"{what}line {number} is no field of a .rsp file: {shortened(line)}")
        if self._fields and name == self._fields[0][0]:
            self._end_record()
        if not self._fields:
            self._record_line = number
        self._fields.append((name, value.strip()))


def _integer(text: str, what: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise VectorError(f"{what} is no whole number: {shortened(text)}")
    return int(text)

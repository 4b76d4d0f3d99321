# SPDX-License-Identifier: GPL-2.0-or-later
"""The response files (.rsp) of NIST's CAVP, whatever they are about: comments, sections with parameters, records.

    # comment
    [Keylen = 256]          parameters that open a section, all lines of it together
    [AES-256 no df]         or a parameter without a value

    Count = 0               a record: fields in a fixed order, a name possibly more than once, until an empty line
    Key = 00 ...
    FAIL                    or a field without a value
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from harness.vectors.error import VectorError
from harness.vectors.fields import parse_hex, shortened

_LINE_END = re.compile(r"\r\n|\n")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `line` is the number of its first line. A field without a value has None."""

    line: int
    fields: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names in their order."""
        return tuple(name for name, _ in self.fields)

    def hex(self, name: str) -> bytes:
        """The bytes of a field that `names` has once."""
        return parse_hex(self._value(name), f"line {self.line}: {name}")

    def all_hex(self, name: str) -> tuple[bytes, ...]:
        """The bytes of every field of that name."""
        return tuple(
            parse_hex(value or "", f"line {self.line}: {name}") for other, value in self.fields if other == name
        )

    def integer(self, name: str) -> int:
        """The number of a field that `names` has once."""
        return _integer(self._value(name), f"line {self.line}: {name}")

    def expect(self, *layouts: Sequence[str]) -> None:
        """VectorError unless the record has the fields of one of `layouts`, in its order."""
        if self.names not in map(tuple, layouts):
            wanted = " or ".join(", ".join(layout) for layout in layouts)
            raise VectorError(
                f"line {self.line}: the record has the fields {', '.join(self.names)}, expected {wanted}: "
                "the file is cut off, damaged or of another kind"
            )

    def _value(self, name: str) -> str:
        return next((value for other, value in self.fields if other == name), None) or ""


@dataclass(frozen=True, slots=True)
class Section:
    """Parameters and the records that they hold for; the first section of a file may have no parameters."""

    line: int
    parameters: dict[str, str | None] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)

    def integer(self, name: str) -> int:
        """The number of a parameter that is there."""
        return _integer(self.parameters[name] or "", f"line {self.line}: {name}")

    def expect(self, names: Collection[str]) -> None:
        """VectorError unless the section has these parameters and no others."""
        for name in names - self.parameters.keys() if isinstance(names, set) else set(names) - self.parameters.keys():
            raise VectorError(f"line {self.line}: the section lacks the parameter {name}: the file is damaged")
        for name in self.parameters.keys() - set(names):
            raise VectorError(f"line {self.line}: unknown parameter {shortened(name)}")

    def expect_counts(self, name: str) -> None:
        """VectorError unless the records' field `name` counts from 0: none is missing, none stands twice."""
        for expected, record in enumerate(self.records):
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


def parse_cavp(text: str) -> CavpDocument:
    """The document in `text`; VectorError for what is none, or has no record."""
    reader = _Reader()
    for number, line in enumerate(_LINE_END.split(text), start=1):
        reader.line(number, line.strip(" \t"))
    reader.end_record()
    reader.check_last_section()
    sections = tuple(section for section in reader.sections if section.records)
    if not sections:
        raise VectorError("no record in the file: it is empty or cut off")
    return CavpDocument(tuple(reader.comments), sections)


class _Reader:
    """Collects lines into records and sections."""

    def __init__(self) -> None:
        self.comments: list[str] = []
        self.sections = [Section(1)]
        self._record: list[tuple[str, str | None]] = []
        self._record_line = 0

    def line(self, number: int, line: str) -> None:
        if not line:
            self.end_record()
        elif line.startswith("#"):
            self.comments.append(line.lstrip("# \t"))
        elif line.startswith("["):
            self.end_record()
            self._parameter(number, line)
        else:
            self._field(number, line)

    def end_record(self) -> None:
        if self._record:
            self.sections[-1].records.append(Record(self._record_line, tuple(self._record)))
            self._record = []

    def check_last_section(self) -> None:
        last = self.sections[-1]
        if last.parameters and not last.records:
            raise VectorError(f"line {last.line}: no record follows these parameters: the file is cut off")

    def _parameter(self, number: int, line: str) -> None:
        if not line.endswith("]"):
            raise VectorError(f"line {number}: no closing bracket: the file is cut off or damaged")
        name, equals, value = line[1:-1].partition("=")
        if self.sections[-1].records:
            self.sections.append(Section(number))
        section = self.sections[-1]
        if not section.parameters:
            section = self.sections[-1] = Section(number)
        if name.strip() in section.parameters:
            raise VectorError(f"line {number}: parameter {shortened(name.strip())} stands twice in one section")
        section.parameters[name.strip()] = value.strip() if equals else None

    def _field(self, number: int, line: str) -> None:
        name, equals, value = line.partition("=")
        name = name.strip()
        if _NAME.fullmatch(name) is None:
            raise VectorError(f"line {number} is no field of a .rsp file: {shortened(line)}")
        if not self._record:
            self._record_line = number
        self._record.append((name, value.strip() if equals else None))


def _integer(text: str, what: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise VectorError(f"{what} is no whole number: {shortened(text)}")
    return int(text)


def check_unique(names: Sequence[str], what: str) -> None:
    """VectorError when one of `names` stands twice."""
    for name, count in Counter(names).items():
        if count > 1:
            raise VectorError(f"{what} {name} stands {count} times: the file is damaged")

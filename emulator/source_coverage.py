# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage in terms of the sources: which lines, functions and branches of an image were executed.

Read from the image's DWARF and its instructions; nothing of the engine is needed. A line counts as reached when any
instruction of it was executed, and only lines that have instructions count at all. An optimising compiler makes many
branches of one, as it inlines and unrolls: each is counted, at the line that it comes from.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from emulator.coverage_data import CoverageData, CoverageError
from emulator.debuginfo.lines import SourceLine
from emulator.image import Image
from emulator.symbols import Symbols

if TYPE_CHECKING:  # a sanitizer's runtime refuses a process that loads the decoder's library
    from emulator.debuginfo.branches import Branch


class Share(NamedTuple):
    """`hit` of `found`."""

    hit: int
    found: int

    def __add__(self, other: object) -> Share:
        return Share(self.hit + other.hit, self.found + other.found) if isinstance(other, Share) else NotImplemented


@dataclass(frozen=True, slots=True)
class LineCoverage:
    """A line that has code, and how often its most frequent instruction was executed."""

    line: int
    times: int


@dataclass(frozen=True, slots=True)
class FunctionCoverage:
    """A function and how often it was entered, wherever its code is; at least 1 when any of it was executed."""

    name: str
    line: int
    times: int


@dataclass(frozen=True, slots=True)
class BranchCoverage:
    """A conditional branch of the image and how often each of its ways was gone.

    `function` is the innermost one that the branch belongs to, inlined or not; `times`, by way, are as in `branch`.
    """

    branch: Branch
    line: int
    function: str
    reached: bool
    times: tuple[int, ...]

    @property
    def share(self) -> Share:
        """Ways gone."""
        return Share(sum(1 for times in self.times if times), len(self.times))


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """A source file; its name is relative to the directory of the compilation."""

    name: str
    lines: tuple[LineCoverage, ...]
    functions: tuple[FunctionCoverage, ...]
    branches: tuple[BranchCoverage, ...]

    @property
    def folder(self) -> str:
        """Where the file lies; empty at the top."""
        return posixpath.dirname(self.name)

    @property
    def line_share(self) -> Share:
        """Lines reached."""
        return Share(sum(1 for line in self.lines if line.times), len(self.lines))

    @property
    def function_share(self) -> Share:
        """Functions entered."""
        return Share(sum(1 for function in self.functions if function.times), len(self.functions))

    @property
    def branch_share(self) -> Share:
        """Ways gone, of those of all branches."""
        return total(branch.share for branch in self.branches)


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """All source files of an image that have code in it, by name; not those outside the compilation's directory."""

    image_sha256: str
    files: tuple[FileCoverage, ...]

    def file(self, name: str) -> FileCoverage:
        """The file called `name`. Raises KeyError."""
        for file in self.files:
            if file.name == name:
                return file
        raise KeyError(name)


def total(shares: Iterable[Share]) -> Share:
    """The sum of shares."""
    return sum(shares, start=Share(0, 0))


def source_coverage(image: Image, data: CoverageData, symbols: Symbols | None = None) -> SourceCoverage:
    """What `data` reached of `image`'s sources; `symbols` of the same image spare a second reading.

    Raises CoverageError where the data are of another image.
    """
    if data.image_sha256 != image.sha256:
        one, two = data.image_sha256[:12], image.sha256[:12]
        raise CoverageError(f"the coverage is of image {one}, {image.path} is {two}: record it again with this image")
    return _Reading(image, symbols or Symbols(image), data).result()


@dataclass
class _Counts:
    """What was executed, by address."""

    instructions: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # halfword -> times
    leaving: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def most(self, start: int, end: int) -> int:
        return max((self.instructions.get(address, 0) for address in range(start, end, 2)), default=0)


class _Reading:
    def __init__(self, image: Image, symbols: Symbols, data: CoverageData) -> None:
        self._image = image
        self._symbols = symbols
        from emulator.debuginfo.branches import Code

        self._code = Code(image)
        self._counts = _count(data)

    def result(self) -> SourceCoverage:
        lines, functions, found = self._lines(), self._functions(), self._branches()
        names = sorted(name for name in lines.keys() | functions.keys() if not posixpath.isabs(name))
        return SourceCoverage(
            self._image.sha256,
            tuple(
                FileCoverage(
                    name,
                    tuple(LineCoverage(line, times) for line, times in sorted(lines[name].items())),
                    tuple(FunctionCoverage(*key, times) for key, times in functions[name].items()),
                    tuple(sorted(found[name], key=lambda branch: (branch.line, branch.branch.address))),
                )
                for name in names
            ),
        )

    def _lines(self) -> dict[str, dict[int, int]]:
        files: dict[str, dict[int, int]] = defaultdict(dict)
        for row in self._symbols.line_ranges():
            for start, end in self._code.overlap(row.start, row.end):
                lines = files[row.source.file]
                lines[row.source.line] = max(lines.get(row.source.line, 0), self._counts.most(start, end))
        return files

    def _functions(self) -> dict[str, dict[tuple[str, int], int]]:
        files: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
        reached: set[tuple[str, SourceLine]] = set()
        for place in self._symbols.function_code():
            functions = files[place.source.file]
            key = (place.function, place.source.line)
            functions[key] = functions.get(key, 0) + self._counts.instructions.get(place.entry, 0)
            if any(self._counts.most(*part) for part in place.ranges):
                reached.add((place.function, place.source))
        for name, source in reached:
            key = (name, source.line)
            files[source.file][key] = max(1, files[source.file][key])
        return files

    def _branches(self) -> dict[str, list[BranchCoverage]]:
        files: dict[str, list[BranchCoverage]] = defaultdict(list)
        from emulator.debuginfo.branches import branches

        for branch in branches(self._code):
            innermost = self._symbols.frames_at(branch.address)[0]
            if innermost.source is not None:
                gone = self._counts.leaving.get(branch.end, {})
                reached = bool(self._counts.instructions.get(branch.address, 0))
                line, function = innermost.source.line, innermost.function or "?"
                found = BranchCoverage(branch, line, function, reached, _times(branch, gone))
                files[innermost.source.file].append(found)
        return files


def _count(data: CoverageData) -> _Counts:
    counts = _Counts()
    for (start, end), times in data.blocks().items():
        for address in range(start, end, 2):
            counts.instructions[address] += times
    for edge, times in data.edges.items():
        counts.leaving[edge.end][edge.to] += times
    return counts


def _times(branch: Branch, gone: dict[int, int]) -> tuple[int, ...]:
    elsewhere = sum(times for to, times in gone.items() if to != branch.end)
    return tuple(elsewhere if way.target is None else gone.get(way.target, 0) for way in branch.ways)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage made ready for the reports: its sources, and what of it stands in a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.coverage_data import CoverageData
from emulator.image import Image
from emulator.source_coverage import BranchCoverage, FileCoverage, Share, SourceCoverage, total

# What the contract is about, and what it is built on; other folders follow by name.
_FIRST_FOLDERS = ("service", "crypto", "platform")


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """What a run reached of an image, by address and by source; `root` is where the sources lie, None if nowhere."""

    image: Image
    data: CoverageData
    source: SourceCoverage
    root: Path | None

    @classmethod
    def of(cls, image: Image, data: CoverageData, source: SourceCoverage) -> CoverageReport:
        """With the sources that are found above the image, as the project has them."""
        return cls(image, data, source, source_root(image, source))


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one folder with code in the image; never empty."""

    name: str
    files: tuple[FileCoverage, ...]

    @property
    def lines(self) -> Share:
        """Lines reached."""
        return total(file.line_share for file in self.files)

    @property
    def functions(self) -> Share:
        """Functions entered."""
        return total(file.function_share for file in self.files)

    @property
    def branches(self) -> Share:
        """Ways gone behind branches."""
        return total(file.branch_share for file in self.files)


def folders(coverage: SourceCoverage) -> tuple[Folder, ...]:
    """The files by folder, the service's first."""
    names = {file.folder for file in coverage.files}
    order = [name for name in _FIRST_FOLDERS if name in names] + sorted(names.difference(_FIRST_FOLDERS))
    return tuple(Folder(name, tuple(file for file in coverage.files if file.folder == name)) for name in order)


def source_root(image: Image, coverage: SourceCoverage) -> Path | None:
    """The nearest folder above the image's file under which every source of `coverage` lies."""
    if not coverage.files:
        return None
    above = image.path.absolute().parents
    return next((folder for folder in above if all((folder / f.name).is_file() for f in coverage.files)), None)


@dataclass(frozen=True, slots=True)
class SourceLineView:
    """One line of a source as it is shown: `times` is None where it has no code."""

    number: int
    text: str
    times: int | None
    branches: Share

    @property
    def kind(self) -> str:
        """`none`, `missed`, `partial` (a way behind a branch was never gone) or `reached`."""
        if self.times is None:
            return "none"
        if not self.times:
            return "missed"
        return "partial" if self.branches.hit < self.branches.found else "reached"


@dataclass(frozen=True, slots=True)
class WayView:
    """A branch some of whose ways were never gone, and their names."""

    branch: BranchCoverage
    never: tuple[str, ...]


def source_lines(file: FileCoverage, text: str | None) -> Iterator[SourceLineView]:
    """The lines of a source; without its text those alone that have code."""
    times = {line.line: line.times for line in file.lines}
    ways: dict[int, Share] = {}
    for branch in file.branches:
        ways[branch.line] = ways.get(branch.line, Share(0, 0)) + branch.share
    texts = dict(enumerate(text.splitlines(), 1)) if text is not None else {}
    for number in sorted(texts.keys() | times.keys()):
        yield SourceLineView(number, texts.get(number, ""), times.get(number), ways.get(number, Share(0, 0)))


def never_gone(branches: Sequence[BranchCoverage]) -> Iterator[WayView]:
    """The branches with a way that was never gone."""
    for branch in branches:
        never = tuple(way.label for way, times in zip(branch.branch.ways, branch.times, strict=True) if not times)
        if never:
            yield WayView(branch, never)

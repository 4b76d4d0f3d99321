# SPDX-License-Identifier: GPL-2.0-or-later
"""What a vector file becomes: frozen cases, each one operation with the result that it has to have."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """Whose format a file has."""

    ACVP = "acvp"
    CAVP = "cavp"
    WYCHEPROOF = "wycheproof"


@dataclass(frozen=True, slots=True)
class Case:
    """Base of every primitive's cases; `name` says where in its file the case stands, and is unique there."""

    name: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a primitive makes of a document: the algorithm as its standard calls it, and at least one case."""

    algorithm: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class VectorFile:
    """A file that has been read. `results` is the second file where an ACVP prompt and its results are a pair."""

    path: Path
    kind: Kind
    algorithm: str
    cases: tuple[Case, ...] = field(repr=False)
    results: Path | None = None

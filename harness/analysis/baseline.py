# SPDX-License-Identifier: GPL-2.0-or-later
"""A cost measurement against a saved one: what has become dearer, and what cannot be compared."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.analysis.error import AnalysisError
from harness.report.cost import CostRow

_SIZE_LIMIT = 16 * 1024 * 1024
_SAVE = "save one with `hil analyze cost --json FILE`"

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Regression:
    """A row whose median has grown by more than the threshold."""

    row: CostRow
    baseline: CostRow

    @property
    def percent(self) -> float:
        """By how much, in percent of the baseline's median."""
        return growth(self.row, self.baseline)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A row of one side that the other does not have: `new` is not in the baseline, `missing` is only there."""

    row: CostRow
    kind: Literal["new", "missing"]


def growth(row: CostRow, baseline: CostRow) -> float:
    """Growth of the median in percent; negative where the operation has become cheaper."""
    return (row.median - baseline.median) * 100 / baseline.median


def compare_cost(rows: Iterable[CostRow], baseline: Iterable[CostRow], threshold: float) -> tuple[Regression, ...]:
    """The rows whose median has grown by more than `threshold` percent, in their order.

    Both sides should be of the same seeds. Raises AnalysisError when they have no row in common, or the threshold is
    no number from 0: such a comparison would find nothing whatever was measured.
    """
    if not 0 <= threshold < math.inf:
        raise AnalysisError(f"a threshold of {threshold} percent is none; give a number from 0")
    before = _by_key(baseline)
    pairs = [(row, before[_key(row)]) for row in rows if _key(row) in before]
    if not pairs:
        raise AnalysisError(f"the baseline has no row in common with this measurement; {_SAVE}")
    return tuple(Regression(row, old) for row, old in pairs if growth(row, old) > threshold)


def unmatched_rows(rows: Iterable[CostRow], baseline: Iterable[CostRow]) -> tuple[Unmatched, ...]:
    """What `compare_cost` has nothing to compare with: new rows, then missing ones."""
    now, before = _by_key(rows), _by_key(baseline)
    new = (Unmatched(row, "new") for key, row in now.items() if key not in before)
    missing = (Unmatched(row, "missing") for key, row in before.items() if key not in now)
    return (*new, *missing)


def _key(row: CostRow) -> _Key:
    return row.operation, row.parameter_set, row.build


def _by_key(rows: Iterable[CostRow]) -> dict[_Key, CostRow]:
    return {_key(row): row for row in rows}


# ---- the file ----


def load_baseline(path: Path) -> tuple[CostRow, ...]:
    """The rows that `hil analyze cost --json` wrote. Raises AnalysisError for anything else."""
    try:
        with path.open("rb") as file:
            content = file.read(_SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AnalysisError(f"{path}: cannot be read as a baseline ({reason}); {_SAVE}") from None
    if len(content) > _SIZE_LIMIT:
        raise AnalysisError(f"{path}: over {_SIZE_LIMIT} bytes, no baseline; {_SAVE}")
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError):
        raise AnalysisError(f"{path}: is no JSON; {_SAVE}") from None
    try:
        return _parse(entries)
    except _MalformedError as error:
        raise AnalysisError(f"{path}: {error}; {_SAVE}") from None


class _MalformedError(Exception):
    """What is wrong with the entries."""


def _parse(entries: object) -> tuple[CostRow, ...]:
    if not isinstance(entries, list) or not entries:
        raise _MalformedError("holds no list of cost rows")
    rows = [_parse_row(f"row {number}", entry) for number, entry in enumerate(entries, 1)]
    seen: set[_Key] = set()
    for number, row in enumerate(rows, 1):
        if _key(row) in seen:
            raise _MalformedError(f"row {number} repeats an operation, parameter set and build")
        seen.add(_key(row))
    return tuple(rows)


def _parse_row(where: str, entry: object) -> CostRow:
    fields = _mapping(where, entry)
    operation, parameter_set, build = (_text(where, fields, name) for name in ("operation", "parameter_set", "build"))
    instructions = _mapping(f"{where}: instructions", fields.get("instructions"))
    minimum, median, maximum = (_count(where, instructions, name) for name in ("min", "median", "max"))
    if not minimum <= median <= maximum:
        raise _MalformedError(f"{where}: min, median and max are not in this order")
    return CostRow(operation, parameter_set, build, minimum, median, maximum, _count(where, fields, "stack_bytes"))


def _mapping(where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _MalformedError(f"{where} is no object")
    return value


def _text(where: str, fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise _MalformedError(f"{where}: {name} is missing or no string")
    return value


def _count(where: str, fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    # A bool is an int in Python, and none here.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _MalformedError(f"{where}: {name} is missing or no positive integer")
    return value

# SPDX-License-Identifier: GPL-2.0-or-later
"""The tracefile, read line by line by a reader of its own and added up."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from harness.report.coverage import CoverageReport
from harness.report.lcov import render_lcov

Records = dict[str, list[str]]


def parse(text: str) -> dict[str, Records]:
    """Source name -> record kind -> values."""
    files: dict[str, Records] = {}
    records: Records = defaultdict(list)
    for row in text.splitlines():
        if row == "end_of_record":
            (name,) = records.pop("SF")
            files[name] = records
            records = defaultdict(list)
        else:
            kind, _, value = row.partition(":")
            records[kind].append(value)
    assert not records
    return files


def test_every_file_adds_up(reached: CoverageReport) -> None:
    files = parse(render_lcov(reached.source))
    assert list(files) == [file.name for file in reached.source.files]
    for file in reached.source.files:
        records = files[file.name]
        lines = [tuple(map(int, value.split(","))) for value in records["DA"]]
        assert lines == [(line.line, line.times) for line in file.lines]
        assert records["LF"] == [str(len(lines))]
        assert records["LH"] == [str(sum(1 for _, times in lines if times))]
        ways = [value.split(",") for value in records["BRDA"]]
        assert len({tuple(way[:3]) for way in ways}) == len(ways)
        assert records["BRF"] == [str(len(ways))]
        assert records["BRH"] == [str(sum(1 for way in ways if way[3] not in ("0", "-")))]
        functions = {value.split(",")[1] for value in records["FN"]}
        entered = {name: int(times) for times, name in (value.split(",") for value in records["FNDA"])}
        assert functions == entered.keys()
        assert records["FNF"] == [str(len(records["FN"]))]
        assert records["FNH"] == [str(sum(1 for times in entered.values() if times))]


def test_a_branch_that_was_not_reached_is_told_from_a_way_that_was_not_gone(reached: CoverageReport) -> None:
    records = parse(render_lcov(reached.source))["service/dispatch.c"]
    assert {"0", "-"} < {value.split(",")[3] for value in records["BRDA"]}


def test_names_get_the_root_before_them(reached: CoverageReport) -> None:
    assert reached.root is not None
    files = parse(render_lcov(reached.source, reached.root))
    assert all(Path(name).is_file() for name in files)

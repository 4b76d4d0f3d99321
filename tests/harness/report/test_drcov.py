# SPDX-License-Identifier: GPL-2.0-or-later
"""The drcov file, read as its description has it."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

from harness.report.coverage import CoverageReport
from harness.report.drcov import render_drcov


def test_modules_and_blocks_are_those_of_the_run(reached: CoverageReport) -> None:
    content = render_drcov(reached.image, reached.data)
    header, table = content.split(b" bbs\n", 1)
    rows = header.decode().splitlines()
    assert rows[:4] == [
        "DRCOV VERSION: 2",
        "DRCOV FLAVOR: drcov",
        "Module Table: version 2, count 1",
        "Columns: id, base, end, entry, path",
    ]
    number, base, end, entry, path = (value.strip() for value in rows[4].split(","))
    assert (number, path) == ("0", "service.elf")
    assert int(base, 16) <= reached.image.entry == int(entry, 16) < int(end, 16)
    blocks = list(struct.iter_unpack("<IHH", table))
    assert rows[5] == f"BB Table: {len(blocks)}"
    found = {(int(base, 16) + start, int(base, 16) + start + size) for start, size, _ in blocks}
    assert found == set(reached.data.blocks())
    assert {module for _, _, module in blocks} == {0}


def test_blocks_outside_the_image_are_left_out_and_names_are_one_line(reached: CoverageReport) -> None:
    image = replace(reached.image, path=Path("a\nBB Table: 9 bbs\n.elf"))
    edge = next(iter(reached.data.edges))
    outside = edge._replace(start=0x1FFF_0000, end=0x1FFF_0002)
    content = render_drcov(image, replace(reached.data, edges={**reached.data.edges, outside: 1}))
    assert content.count(b"\n", 0, content.index(b" bbs\n", content.index(b"\nBB Table"))) == 5
    assert f"\nBB Table: {len(reached.data.blocks())} bbs\n".encode() in content

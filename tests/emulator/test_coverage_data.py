# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage as a value and as a file; files are damaged one by one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from emulator.coverage_data import CoverageData, CoverageError, Edge, load, save

SHA = "ab" * 32
LOOP, OUT = Edge(0x100, 0x108, 0x100), Edge(0x100, 0x108, 0x108)
DATA = CoverageData(SHA, {LOOP: 9, OUT: 1, Edge(0x108, 0x10C, 0x200): 1 << 40})


def test_a_block_is_executed_as_often_as_it_is_left() -> None:
    assert DATA.blocks() == {(0x100, 0x108): 10, (0x108, 0x10C): 1 << 40}


def test_union_has_the_edges_of_all_and_adds_times() -> None:
    other = CoverageData(SHA, {LOOP: 1, Edge(0x300, 0x302, 0x302): 2})
    merged = DATA.union(other, other)
    assert merged.edges == {**DATA.edges, LOOP: 11, Edge(0x300, 0x302, 0x302): 4}
    assert DATA.edges[LOOP] == 9
    assert DATA.union() == DATA


def test_coverage_of_different_images_is_not_merged() -> None:
    with pytest.raises(CoverageError, match="cannot be merged"):
        DATA.union(CoverageData("cd" * 32, {}))


@pytest.mark.parametrize("data", [DATA, CoverageData(SHA, {})])
def test_what_is_saved_is_loaded(data: CoverageData, tmp_path: Path) -> None:
    save(data, tmp_path / "run.cov")
    assert load(tmp_path / "run.cov") == data
    assert [path.name for path in tmp_path.iterdir()] == ["run.cov"]


def _record(start: int = 0x100, end: int = 0x108, to: int = 0x200, times: int = 1) -> bytes:
    return struct.pack("<IIIQ", start, end, to, times)


def _file(*records: bytes, count: int | None = None, sha: str = SHA, version: int = 1) -> bytes:
    return f"hil-bench coverage {version} {sha} {len(records) if count is None else count}\n".encode() + b"".join(
        records
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no coverage"),
        (b"\x7fELF", "no coverage"),
        (_file(version=2), "no coverage"),
        (_file(sha="xy" * 32), "no coverage"),
        (_file(_record())[:-1], "19 bytes for 1 edges"),
        (_file(_record(), count=2), "20 bytes for 2 edges"),
        (_file(_record(), _record()), "twice"),
        (_file(_record(start=0x101)), "no block"),
        (_file(_record(to=0x201)), "no block"),
        (_file(_record(end=0x100)), "no block"),
        (_file(_record(end=0x10000)), "no block"),
        (_file(_record(times=0)), "no block"),
    ],
)
def test_a_broken_file_gets_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.cov"
    path.write_bytes(content)
    with pytest.raises(CoverageError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(CoverageError, match="cannot be read"):
        load(tmp_path / "none.cov")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        save(DATA, tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]

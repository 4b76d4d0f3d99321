# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes against what binutils says of the same file."""

from __future__ import annotations

import subprocess
from pathlib import Path

from emulator.board import AN386
from emulator.image import load_image
from harness.analysis.footprint import footprint


def binutils_sizes(path: Path) -> dict[str, int]:
    """Section -> bytes."""
    command = ["arm-none-eabi-size", "-A", str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in output.splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[1].isdigit()}


def test_sections_add_up(builds: dict[str, Path]) -> None:
    for build, path in builds.items():
        sizes = binutils_sizes(path)
        found = footprint(load_image(path, AN386), AN386, build)
        assert found.build == build
        assert (found.code, found.constants) == (sizes[".text"], sizes[".rodata"])
        assert found.data == sizes[".data"] + sizes[".bss"]
        assert (found.bulk, found.filters, found.stack) == (sizes[".bulk"], sizes[".filters"], sizes[".stack"])


def test_functions_and_variables_are_there_largest_first(firmware: Path) -> None:
    found = footprint(load_image(firmware, AN386), AN386, "release")
    functions, variables = dict(found.functions), dict(found.variables)
    assert functions["keccak_f1600"] > 1000
    assert variables["filters"] == found.filters
    assert sum(functions.values()) <= found.code
    assert sum(variables.values()) <= found.constants + found.data + found.bulk + found.filters
    for sizes in (found.functions, found.variables):
        assert [size for _name, size in sizes] == sorted((size for _name, size in sizes), reverse=True)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Defective firmware, built as it is asked for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.fuzz.patched import build_patched, copy_firmware

PROJECT = Path(__file__).parents[2]
FIRMWARE = PROJECT / "firmware"
BUILT = Path("build/an386/release")
MUTANTS = PROJECT / "tests" / "mutants"


Defective = Callable[..., Path]


@pytest.fixture(scope="session")
def defective(tmp_path_factory: pytest.TempPathFactory, firmware: Path) -> Defective:
    """The release image with one text of one source file replaced, or with a patch of tests/mutants applied."""
    built: dict[tuple[str, ...], Path] = {}

    def make(*change: str) -> Path:
        if change not in built:
            built[change] = build(tmp_path_factory.mktemp("firmware"), *change)
        return built[change]

    return make


def build(folder: Path, *change: str) -> Path:
    """Only what the change touches is compiled anew. `change`: file, old text, new text; or the patch's name."""
    if len(change) == 1:
        return build_patched(MUTANTS / f"{change[0]}.patch", "release", folder)
    tree = folder / "firmware"
    copy_firmware(tree, FIRMWARE / BUILT)
    file, old, new = change
    source = (tree / file).read_text()
    assert source.count(old) == 1, f"{file} has to hold {old!r} once"
    (tree / file).write_text(source.replace(old, new))
    made = subprocess.run(["make", "-C", str(tree), "BUILD=release"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return tree / BUILT / "service.elf"

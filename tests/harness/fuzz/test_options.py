# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign's options go to another process and are the same there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.fuzz.options import Options

OPTIONS = Options(Path("service.elf"), Path("corpus"), Path("findings"), Path('/tmp/a "work" folder\'s'))


def test_all_that_is_dumped_is_loaded() -> None:
    changed = replace(
        OPTIONS, board="an505", oracles=("fetch", "residue"), raw=True, seconds=7, runs=8, length=9, seed=10, jobs=11
    )
    for options in (OPTIONS, changed, replace(OPTIONS, oracles=())):
        loaded = Options.load(options.dump())
        assert loaded == options
        assert isinstance(loaded.work, Path)
        assert isinstance(loaded.oracles, tuple)


def test_the_text_is_fit_for_a_command_line() -> None:
    assert "\n" not in OPTIONS.dump()
    assert "\0" not in OPTIONS.dump()

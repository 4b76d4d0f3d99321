# SPDX-License-Identifier: GPL-2.0-or-later
"""The images of several builds of one firmware, for cases that need another than the judged one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.targets.base import MEMORY, Target
from harness.targets.emulated import EmulatedTarget


def image_of(judged: Target, build: str) -> Path:
    """The image of `build` that belongs to the judged one: as `make firmware` lays them out, .../BUILD/service.elf.

    Without such a neighbour it is the judged image itself, if that is of this build; else the test is skipped.
    """
    if not isinstance(judged, EmulatedTarget):
        pytest.skip(f"target {judged.name} lacks the capability {MEMORY}")
    path = judged.image.path.absolute()
    beside = path.parent.parent / build / path.name
    if beside.is_file():
        return beside
    if judged.build_kind == build:
        return path
    pytest.skip(f"no {build} image beside this one ({beside}): build it, or name it with --firmware")


@contextmanager
def opened(judged: Target, build: str) -> Iterator[EmulatedTarget]:
    """A target of its own with the image of `build`; the judged target is left alone."""
    path = image_of(judged, build)
    assert isinstance(judged, EmulatedTarget)
    target = EmulatedTarget(path, judged.board_name)
    try:
        yield target
    finally:
        target.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Who takes turns with another process stays on one core, and afterwards may go anywhere again."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from harness.targets.base import TargetError
from harness.targets.native import NativeTarget
from harness.targets.one_core import OneCore, staying_on
from harness.targets.opening import default_native


def test_the_thread_and_what_it_starts_stay_until_the_last_has_left() -> None:
    usual = os.sched_getaffinity(0)
    core = OneCore()
    core.enter()
    core.enter()
    (here,) = os.sched_getaffinity(0)
    child = subprocess.run(
        ["grep", "Cpus_allowed_list", "/proc/self/status"], capture_output=True, text=True, check=True
    )
    assert child.stdout.split() == ["Cpus_allowed_list:", str(here)]
    core.leave()
    assert os.sched_getaffinity(0) == {here}
    core.leave()
    assert os.sched_getaffinity(0) == usual


def test_whatever_ends_the_block_ends_the_stay() -> None:
    usual = os.sched_getaffinity(0)
    with contextlib.suppress(KeyError), staying_on(max(usual)):
        assert os.sched_getaffinity(0) == {max(usual)}
        raise KeyError
    assert os.sched_getaffinity(0) == usual


def test_it_is_the_core_where_it_was() -> None:
    usual = os.sched_getaffinity(0)
    try:
        for each in usual:
            os.sched_setaffinity(0, {each})
            core = OneCore()
            core.enter()
            assert os.sched_getaffinity(0) == {each}
            core.leave()
    finally:
        os.sched_setaffinity(0, usual)


def test_native_targets_share_one_core_while_they_are_open() -> None:
    usual = os.sched_getaffinity(0)
    first, second = NativeTarget(default_native()), NativeTarget(default_native())
    assert len(os.sched_getaffinity(0)) == 1
    first.close()
    first.close()
    assert len(os.sched_getaffinity(0)) == 1
    second.close()
    assert os.sched_getaffinity(0) == usual


def test_a_library_that_is_none_changes_nothing(tmp_path: Path) -> None:
    usual = os.sched_getaffinity(0)
    with pytest.raises(TargetError):
        NativeTarget(tmp_path / "libservice.so")
    assert os.sched_getaffinity(0) == usual

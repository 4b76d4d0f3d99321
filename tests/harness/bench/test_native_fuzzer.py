# SPDX-License-Identifier: GPL-2.0-or-later
"""Where libFuzzer comes from; the child process is tested with what starts it (test_fuzzing_baselines.py)."""

import importlib.util

import pytest

from harness.bench.native_fuzzer import libfuzzer_module
from harness.targets.base import TargetError


def test_atheris_has_a_driver() -> None:
    assert b"LLVMFuzzerRunDriver" in libfuzzer_module().read_bytes()


def test_without_atheris_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TargetError, match="make setup"):
        libfuzzer_module()

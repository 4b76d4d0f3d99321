# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers start, count and end with the block; no speed is asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench.workers import ENGINES, executions, rate, workers
from harness.fuzz.error import FuzzError
from harness.fuzz.options import Options
from harness.fuzz.worker import sightings_folder

engines = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture
def options(firmware: Path, tmp_path: Path) -> Options:
    work = tmp_path / "work"
    work.mkdir()
    return Options(firmware, tmp_path / "corpus", tmp_path / "findings", work, oracles=("crash",), length=64, seed=1)


@engines
def test_a_worker_counts_while_the_block_runs_and_is_gone_behind_it(engine: str, options: Options) -> None:
    assert executions(options, 0) == 0
    with workers(engine, options, [None], [b"\x04\x01"]) as running:
        assert rate(engine, options, running, 0, 0.5) > 0
        assert [worker.poll() for worker in running] == [None]
    assert all(worker.poll() is not None for worker in running)
    assert executions(options, 0) > 0
    assert list(sightings_folder(options).iterdir()) == []


@engines
def test_a_worker_that_cannot_work_is_an_error_with_its_own_words(engine: str, options: Options) -> None:
    options.firmware.stat()
    broken = options.work / "empty.elf"
    broken.write_bytes(b"")
    useless = Options(broken, options.corpus, options.findings, options.work, oracles=("crash",))
    with workers(engine, useless, [None]) as running, pytest.raises(FuzzError, match=r"empty\.elf"):
        rate(engine, useless, running, 0, 0.1)

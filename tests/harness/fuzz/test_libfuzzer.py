# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns of libFuzzer: each worker a process, which finds, counts, and ends as it should."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha1
from pathlib import Path

import pytest

from harness.fuzz import libfuzzer, script
from harness.fuzz.engine import Stats, StatsFile
from harness.fuzz.options import Options
from harness.fuzz.seeds import dictionary, encrypt, first_corpus
from harness.fuzz.worker import sightings_folder, stats_path
from harness.protocol import commands as table
from harness.protocol.commands import Status

SECONDS = 120  # that anything may take on a busy machine before the test gives up
RUNS = 3000
FAULT = script.encode(encrypt(0x41, b"", b"a text"))


@pytest.fixture
def options(firmware: Path, tmp_path: Path) -> Options:
    work = tmp_path / "work"
    work.mkdir()
    return Options(
        firmware, tmp_path / "corpus", tmp_path / "findings", work, oracles=("crash",), seed=1, runs=RUNS, length=512
    )


def campaign(options: Options, number: int = 0) -> tuple[Stats, str]:
    """One worker to its end: what it has counted and what libFuzzer has printed."""
    libfuzzer.prepare(options)
    worker = libfuzzer.start(options, number, None)
    status = worker.wait(SECONDS)
    log = libfuzzer.log_path(options, number).read_text("utf-8", "replace")
    assert status == 0, log
    return counted(options, number), log


def counted(options: Options, number: int = 0) -> Stats:
    file = StatsFile(stats_path(options, number))
    stats = file.read()
    file.close()
    return stats


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_campaign_on_the_sound_firmware(options: Options) -> None:
    stats, log = campaign(options)
    assert stats.executions >= RUNS
    assert stats.findings == 0
    assert stats.edges > 500
    assert 0 < stats.last_new_edge <= stats.executions
    assert all(stats.of(code, Status.SUCCESS) for code in table.BY_CODE)
    assert f"stat::number_of_executed_units: {RUNS}" in log
    corpus = contents(options.corpus)
    assert len(corpus) > 20
    assert set(corpus.values()) - set(first_corpus())
    assert max(map(len, corpus.values())) <= options.length
    assert contents(sightings_folder(options)) == {}


def test_libfuzzer_uses_our_mutator_and_dictionary(options: Options) -> None:
    """It looks the mutator up by its name, and would go on without it."""
    _, log = campaign(options)
    assert re.search(r"MS: \d+ Custom-", log)
    entries = len(dictionary().splitlines())
    assert f"Dictionary: {entries} entries" in log
    assert re.search(r"Loaded 1 modules +\(\d+ inline 8-bit counters\)", log)


def test_a_finding_is_kept_and_the_campaign_goes_on(options: Options, planted: Path) -> None:
    chosen = replace(options, firmware=planted)
    chosen.corpus.mkdir()
    (chosen.corpus / "failing").write_bytes(FAULT)
    stats, _ = campaign(chosen, number=2)
    assert stats.executions >= RUNS
    assert stats.findings > 0
    assert FAULT in contents(sightings_folder(chosen)).values()
    assert len(contents(chosen.corpus)) > 20


def test_the_corpus_is_where_the_next_campaign_goes_on(options: Options) -> None:
    first, _ = campaign(options)
    before = contents(options.corpus)
    again, log = campaign(replace(options, runs=1))
    assert contents(options.corpus).items() >= before.items()
    assert again.edges > 0.9 * first.edges
    assert f"{len(before)} files found in {options.corpus}" in log


@pytest.mark.parametrize("oracle", ["crash", "model"])
def test_an_interrupt_leaves_a_corpus_that_is_whole(options: Options, oracle: str) -> None:
    """Ctrl-C goes to each worker, with an oracle in Python or without."""
    chosen = replace(options, runs=0, oracles=(oracle,))
    libfuzzer.prepare(chosen)
    worker = libfuzzer.start(chosen, 0, 0)
    try:
        until(lambda: len(contents(chosen.corpus)) > 20 or worker.poll() is not None)
        worker.send_signal(signal.SIGINT)
        worker.wait(SECONDS)
    finally:
        worker.kill()
        worker.wait()
    log = libfuzzer.log_path(chosen, 0).read_text("utf-8", "replace")
    assert "libFuzzer: run interrupted; exiting" in log
    assert counted(chosen).executions > 0
    corpus = contents(chosen.corpus)
    assert len(corpus) > 20
    assert all(sha1(data).hexdigest() == name for name, data in corpus.items())
    assert campaign(replace(options, runs=1))[0].findings == 0


def test_a_worker_runs_on_the_core_that_is_named(options: Options) -> None:
    core = max(os.sched_getaffinity(0))
    libfuzzer.prepare(options)
    worker = libfuzzer.start(replace(options, runs=0), 0, core)
    try:
        assert os.sched_getaffinity(worker.pid) == {core}
    finally:
        worker.kill()
        worker.wait()


def test_requests_without_a_script(options: Options) -> None:
    stats, _ = campaign(replace(options, raw=True, runs=500))
    assert stats.executions >= 500
    assert sum(count for _, _, count in stats.reached) >= stats.executions  # the mutator runs some once more


def test_a_worker_that_cannot_start_says_why(options: Options, tmp_path: Path) -> None:
    libfuzzer.prepare(options)
    worker = libfuzzer.start(replace(options, firmware=tmp_path / "missing.elf"), 0, None)
    assert worker.wait(SECONDS) != 0
    assert "missing.elf" in libfuzzer.log_path(options, 0).read_text()

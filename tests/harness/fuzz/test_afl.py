# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns of afl-fuzz: what they find, how they end, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.default_keys import AES_KEY_ID
from harness.fuzz import afl, script
from harness.fuzz.engine import StatsFile
from harness.fuzz.error import FuzzError
from harness.fuzz.options import Options
from harness.fuzz.seeds import encrypt, first_corpus
from harness.fuzz.worker import sightings_folder, stats_path

TARGETS = [1, 2]  # of the first two instances: CmpLog has one of its own
SECONDS = 300  # that anything may take on a busy machine before the test gives up
FOUR_BYTES_AWAY = script.encode(encrypt(AES_KEY_ID, b"", b"AAAABBBB"))


@pytest.fixture(autouse=True)
def _there() -> None:
    """Without AFL++ these tests fail, since nothing else would tell."""
    afl.require()


@pytest.fixture
def options(firmware: Path, tmp_path: Path) -> Options:
    work = tmp_path / "work"
    work.mkdir()
    return Options(
        firmware, tmp_path / "corpus", tmp_path / "findings", work, oracles=("crash",), length=128, seed=1, runs=2000
    )


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Whatever a test starts is stopped."""
    instances: list[subprocess.Popen[bytes]] = []
    yield instances
    afl.stop(instances)


def only_seed(options: Options, seed: bytes) -> None:
    """Start from one input alone, so that a short campaign is enough."""
    for path in afl.seeds_folder(options).iterdir():
        path.unlink()
    (afl.seeds_folder(options) / "seed").write_bytes(seed)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def descendants(process: int) -> list[int]:
    """The processes that this one has started, and theirs."""
    path = Path(f"/proc/{process}/task/{process}/children")
    children = [int(word) for word in path.read_text().split()] if path.exists() else []
    return children + [further for child in children for further in descendants(child)]


def alive(processes: Sequence[int]) -> list[int]:
    return [process for process in processes if Path(f"/proc/{process}").exists()]


def segments_of(creator: int) -> list[str]:
    """The shared memory of System V that a process has made: its lines in the kernel's table."""
    return [line for line in Path("/proc/sysvipc/shm").read_text().splitlines() if line.split()[4] == str(creator)]


# ---- the command line ----


def test_the_first_of_several_is_the_main_one_and_one_solves_compares(options: Options) -> None:
    several = [afl.command(replace(options, jobs=3), number) for number in range(3)]
    assert ["-M" in line for line in several] == [True, False, False]
    assert ["-S" in line for line in several] == [False, True, True]
    assert ["-c" in line for line in several] == [False, True, False]
    assert len({afl.instance_name(number) for number in range(3)}) == 3
    assert "-S" in afl.command(options, 0)
    raw = [afl.command(replace(options, jobs=2, raw=True), number) for number in range(2)]
    assert ["-c" in line for line in raw] == [True, False]


def test_every_second_instance_leaves_mutation_to_ours(options: Options) -> None:
    ours = ["AFL_CUSTOM_MUTATOR_ONLY" in afl.environment(options, number) for number in range(4)]
    assert ours == [True, False, True, False]
    assert "AFL_CUSTOM_MUTATOR_ONLY" not in afl.environment(replace(options, raw=True), 0)


def test_limits_are_passed_on(options: Options) -> None:
    line = afl.command(replace(options, seconds=7, runs=9, length=33, seed=5), 1)
    for option, value in (("-V", "7"), ("-E", "9"), ("-G", "33")):
        assert line[line.index(option) + 1] == value
    assert "-s" not in line  # it would make all inputs equally fast
    endless = afl.command(replace(options, seconds=0, runs=0, seed=0), 0)
    assert not {"-V", "-E"} & set(endless)


def test_requests_without_a_script_have_no_structure_to_mutate(options: Options) -> None:
    assert "AFL_CUSTOM_MUTATOR_LIBRARY" in afl.environment(options, 0)
    assert "AFL_CUSTOM_MUTATOR_LIBRARY" not in afl.environment(replace(options, raw=True), 0)


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(FuzzError, match=r"^afl-fuzz is missing; install Debian's package afl\+\+"):
        afl.require()


# ---- campaigns ----


def test_four_bytes_are_found_by_what_was_compared(
    options: Options, locked: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    options = replace(options, firmware=locked, jobs=2)
    solver = 1
    afl.prepare(options)
    only_seed(options, FOUR_BYTES_AWAY)
    started.append(afl.start(options, solver, None))
    assert started[0].wait(SECONDS) == 0, afl.failure(options, solver)
    found = [path.read_bytes() for path in afl.crashes(options)]
    assert found
    assert all(b"LOCK" in crash for crash in found)
    assert set(found) <= {path.read_bytes() for path in sightings_folder(options).iterdir()}
    told, counted = afl.read_stats(options, solver), StatsFile(stats_path(options, solver)).read()
    assert told is not None
    assert told.crashes == len(found)
    assert told.corpus == len(afl.queue(options)) > 1
    assert counted.findings >= len(found)
    assert counted.executions >= told.executions >= options.runs
    assert any("op:its" in path.name for path in afl.crashes(options))


def test_the_mutator_that_knows_scripts_takes_part(options: Options, started: list[subprocess.Popen[bytes]]) -> None:
    afl.prepare(options)
    only_seed(options, FOUR_BYTES_AWAY)
    started.append(afl.start(options, 0, None))
    assert started[0].wait(SECONDS) == 0, afl.failure(options, 0)
    assert any("op:_engine" in path.name for path in afl.queue(options))


def test_instances_have_a_core_each_and_leave_nobody_behind(
    options: Options, started: list[subprocess.Popen[bytes]]
) -> None:
    options = replace(options, jobs=2, runs=0)
    cores = sorted(os.sched_getaffinity(0))
    pinned = [cores[0], cores[-1]]
    afl.prepare(options)
    only_seed(options, FOUR_BYTES_AWAY)
    started += [afl.start(options, number, pinned[number]) for number in range(2)]
    assert os.sched_getaffinity(0) == set(cores)
    until(lambda: [len(descendants(instance.pid)) for instance in started] == TARGETS)
    until(lambda: all(len(afl.queue(options)) > 3 and afl.read_stats(options, n) for n in range(2)))
    everybody = [p for instance in started for p in (instance.pid, *descendants(instance.pid))]
    for number, instance in enumerate(started):
        for process in (instance.pid, *descendants(instance.pid)):
            assert os.sched_getaffinity(process) == {pinned[number]}
    summary = subprocess.run(
        [afl.require("afl-whatsup"), "-s", str(afl.output_folder(options))], capture_output=True, text=True, check=True
    )
    assert "Fuzzers alive : 2" in summary.stdout
    afl.stop(started)
    until(lambda: not alive(everybody))
    assert [instance.returncode for instance in started] == [0, 0]
    afl.collect(options)
    assert {path.read_bytes() for path in afl.queue(options)} <= {
        path.read_bytes() for path in options.corpus.iterdir()
    }


def test_a_fuzzer_that_was_killed_leaves_neither_targets_nor_memory(
    options: Options, started: list[subprocess.Popen[bytes]]
) -> None:
    options = replace(options, jobs=2, runs=0)
    afl.prepare(options)
    only_seed(options, FOUR_BYTES_AWAY)
    started.append(afl.start(options, 1, None))
    until(lambda: len(descendants(started[0].pid)) == TARGETS[1] and len(afl.queue(options)) > 3)
    targets = descendants(started[0].pid)
    assert len(segments_of(started[0].pid)) == 3
    started[0].kill()
    started[0].wait()
    until(lambda: not alive(targets))
    assert not segments_of(started[0].pid)


CAMPAIGN = """
import sys
from harness.fuzz import afl
from harness.fuzz.options import Options
with afl.running(Options.load(sys.argv[1])) as instances:
    for instance in instances:
        instance.wait()
"""


@pytest.mark.parametrize(
    ("end", "status", "collected"), [(signal.SIGINT, -signal.SIGINT, True), (signal.SIGKILL, -signal.SIGKILL, False)]
)
def test_a_campaign_ends_with_its_process(options: Options, end: int, status: int, collected: bool) -> None:
    options = replace(options, jobs=2, runs=0)
    campaign = subprocess.Popen([sys.executable, "-c", CAMPAIGN, options.dump()], stderr=subprocess.DEVNULL)
    until(
        lambda: len(descendants(campaign.pid)) == 2 + sum(TARGETS) and len(afl.queue(options)) > 2 * len(first_corpus())
    )
    everybody = descendants(campaign.pid)
    campaign.send_signal(end)
    assert campaign.wait(SECONDS) == status
    until(lambda: not alive(everybody))
    corpus = {path.read_bytes() for path in options.corpus.iterdir()}
    queue = {path.read_bytes() for path in afl.queue(options)}
    assert (queue <= corpus) == collected
    afl.prepare(options)
    seeds = {path.read_bytes() for path in afl.seeds_folder(options).iterdir()}
    assert {script for script in queue if len(script) <= options.length} <= seeds


def test_the_next_campaign_starts_from_what_a_killed_one_left(options: Options) -> None:
    left = afl.instance_folder(options, 0) / "queue"
    elsewhere = afl.output_folder(options) / "another-machine" / "queue"
    for folder, name in ((left, "id:000000,orig:x"), (left, "id:000001,sync:y,src:000000"), (elsewhere, "id:000000")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    afl.prepare(options)
    assert [path.read_bytes() for path in options.corpus.iterdir()] == [b"id:000000,orig:x"]
    seeds = {path.read_bytes() for path in afl.seeds_folder(options).iterdir()}
    assert seeds == {*first_corpus(), b"id:000000,orig:x"}
    assert not left.exists()
    assert elsewhere.exists()


def test_what_is_longer_than_the_limit_is_no_seed(options: Options) -> None:
    options.corpus.mkdir()
    (options.corpus / "long").write_bytes(bytes(options.length + 1))
    (options.corpus / "empty").write_bytes(b"")
    afl.prepare(options)
    assert not {"long", "empty"} & {path.name for path in afl.seeds_folder(options).iterdir()}


def test_a_fuzzer_that_cannot_start_says_why(options: Options, started: list[subprocess.Popen[bytes]]) -> None:
    options = replace(options, firmware=Path("/nonexistent.elf"))
    afl.prepare(options)
    started.append(afl.start(options, 0, None))
    assert started[0].wait(SECONDS) != 0
    assert afl.failure(options, 0).startswith("/nonexistent.elf: cannot be read")
    assert afl.read_stats(options, 0) is None


def test_a_fuzzer_that_gives_up_says_why(options: Options, started: list[subprocess.Popen[bytes]]) -> None:
    afl.prepare(options)
    for path in afl.seeds_folder(options).iterdir():
        path.unlink()
    started.append(afl.start(options, 0, None))
    assert started[0].wait(SECONDS) != 0
    assert "PROGRAM ABORT" in afl.failure(options, 0)

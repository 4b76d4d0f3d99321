# SPDX-License-Identifier: GPL-2.0-or-later
"""AFL++: instances of afl-fuzz, each with its target on one core, that share what they find through `work`/afl.

A campaign starts from `corpus` and puts its queue there when it is over (`collect`), so that any engine goes on from
it. While it runs, its folder is an AFL++ output folder like any other: afl-whatsup reads it, and instances of other
machines join by having their folders put beside these.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from harness.fuzz import afl_target, processes
from harness.fuzz.engine import LAST_RUN_SIZE
from harness.fuzz.error import FuzzError
from harness.fuzz.native import _engine
from harness.fuzz.options import Options
from harness.fuzz.processes import Process, spread
from harness.fuzz.seeds import dictionary, first_corpus, grammar
from harness.report.files import atomic_write
from harness.targets.one_core import staying_on

PACKAGE: Final = "afl++"  # Debian's
_NAME_MAX: Final = 24

# The target is no program that AFL++ has compiled, its run is never long (a budget of instructions ends it), it always
# does the same, and it may take seconds to boot on a busy machine.
ENVIRONMENT: Final = {
    "AFL_SKIP_BIN_CHECK": "1",
    "AFL_FAST_CAL": "1",
    "AFL_FORKSRV_INIT_TMOUT": "120000",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
    "AFL_SKIP_CPUFREQ": "1",
    "AFL_NO_AFFINITY": "1",
    "AFL_NO_UI": "1",
    "AFL_DISABLE_TRIM": "1",  # step by step a script may take minutes to trim, and its shape is lost
}
_TIMEOUT_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class AflStats:
    """What one instance says of itself, once a minute and when it ends; `edges` are counters of the map that were used.

    `last_find` is the time of the last new queue entry in seconds since 1970, 0 for none.
    """

    executions: int
    executions_per_second: float
    edges: int
    corpus: int
    crashes: int
    last_find: int


def require(tool: str = "afl-fuzz") -> str:
    """The path of a tool of AFL++. Raises FuzzError where it is missing."""
    path = shutil.which(tool)
    if path is None:
        raise FuzzError(f"{tool} is missing; install Debian's package {PACKAGE}, or run `make setup-afl`")
    return path


def output_folder(options: Options) -> Path:
    """AFL++'s output folder, one folder in it for each instance."""
    return options.work / "afl"


def instance_name(number: int) -> str:
    """Unlike those on other machines, and of characters that AFL++ allows."""
    return f"{re.sub('[^A-Za-z0-9_-]', '-', platform.node())[:_NAME_MAX]}-{number}"


def instance_folder(options: Options, number: int) -> Path:
    """Where an instance has its queue and its crashes."""
    return output_folder(options) / instance_name(number)


def seeds_folder(options: Options) -> Path:
    """What the instances start from."""
    return options.work / "afl-seeds"


def log_path(options: Options, number: int) -> Path:
    """What afl-fuzz itself prints."""
    return options.work / f"afl-{number}.log"


def prepare(options: Options) -> None:
    """Write what the instances read; a queue that an earlier campaign has left goes to the corpus first."""
    require()
    collect(options)
    for folder in _own_folders(options):
        shutil.rmtree(folder)
    seeds = seeds_folder(options)
    shutil.rmtree(seeds, ignore_errors=True)
    for folder in (options.corpus, output_folder(options), seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, script in enumerate(first_corpus(options.raw)):
        (seeds / f"first-{number:03}").write_bytes(script)
    for path in options.corpus.iterdir():
        if 0 < path.stat().st_size <= options.length:
            shutil.copyfile(path, seeds / path.name)
    _dictionary(options).write_text(dictionary(), encoding="ascii")
    _grammar(options).write_bytes(grammar())
    for number in range(options.jobs):
        _last_run(options, number).write_bytes(bytes(LAST_RUN_SIZE))


def command(options: Options, number: int) -> list[str]:
    """The command line of instance `number`.

    The options' seed is not for it: given one, afl-fuzz takes all inputs as equally fast.
    """
    fuzzer = [require(), "-i", str(seeds_folder(options)), "-o", str(output_folder(options))]
    fuzzer += ["-M" if number == 0 and options.jobs > 1 else "-S", instance_name(number)]
    fuzzer += ["-t", str(_TIMEOUT_MS), "-G", str(options.length), "-x", str(_dictionary(options))]
    if number == _first_of_its_own(options):
        fuzzer += ["-c", "0"]
    if options.seconds:
        fuzzer += ["-V", str(options.seconds)]
    if options.runs:
        fuzzer += ["-E", str(options.runs)]
    return [*fuzzer, "--", *afl_target.command(options, number)]


def environment(options: Options, number: int) -> dict[str, str]:
    """The environment of instance `number`."""
    own = dict(ENVIRONMENT)
    if not options.raw:  # requests without a script have no structure that a mutator could know
        own["AFL_CUSTOM_MUTATOR_LIBRARY"] = str(_engine.__file__)
        if number % 2 == 0:
            own["AFL_CUSTOM_MUTATOR_ONLY"] = "1"
        own["HIL_FUZZ_GRAMMAR"] = str(_grammar(options).resolve())
        own["HIL_FUZZ_LAST_RUN"] = str(_last_run(options, number).resolve())
    return {**os.environ, **own}


def start(options: Options, number: int, core: int | None) -> Process:
    """Start instance `number`, with its target on one core where one is named. It ends when this process does.

    It has a session of its own: Ctrl-C is for this process, which then calls `stop`, and afl-fuzz kills its whole group
    of processes where its target does not start.
    """
    line = ["setpriv", "--pdeathsig", "TERM", "--", *command(options, number)]
    # What is started inherits the core, before it can start anything.
    placed = nullcontext() if core is None else staying_on(core)
    with log_path(options, number).open("wb") as log, placed:
        return subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(options, number),
            start_new_session=True,
        )


def stop(instances: Iterable[Process]) -> None:
    """End instances; returns when all are gone. Targets end with their fuzzer, whose end of the pipe they see."""
    processes.stop(instances, signal.SIGTERM)


@contextmanager
def running(options: Options) -> Iterator[list[Process]]:
    """A campaign's instances, spread over the cores, from their start to a whole corpus.

    Whatever ends the block ends them, Ctrl-C too. Raises FuzzError where afl-fuzz is missing.
    """
    prepare(options)
    try:
        with spread(options.jobs, lambda number, core: start(options, number, core), stop) as instances:
            yield instances
    finally:
        collect(options)


def failure(options: Options, number: int) -> str:
    """Why an instance has ended before its time: what its target says by itself, or what afl-fuzz has printed."""
    target = afl_target.command(options, number)
    tried = subprocess.run(target, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if tried.returncode == afl_target.UNUSABLE:
        return tried.stderr.strip()
    text = re.sub(r"\x1b[\[()][0-9;?]*[A-Za-z]?", "", log_path(options, number).read_text("utf-8", "replace"))
    aborts = [line.strip() for line in text.splitlines() if "ABORT" in line or "SYSTEM ERROR" in line]
    return f"{aborts[-1] if aborts else 'afl-fuzz has ended'}; see {log_path(options, number)}"


def read_stats(options: Options, number: int) -> AflStats | None:
    """The statistics of an instance; None before it has written any."""
    path = instance_folder(options, number) / "fuzzer_stats"
    if not path.is_file():
        return None
    pairs = (line.partition(":") for line in path.read_text("utf-8").splitlines())
    values = {name.strip(): value.strip() for name, _, value in pairs}
    return AflStats(
        executions=int(values["execs_done"]),
        executions_per_second=float(values["execs_per_sec"]),
        edges=int(values["edges_found"]),
        corpus=int(values["corpus_count"]),
        crashes=int(values["saved_crashes"]),
        last_find=int(values["last_find"]),
    )


def queue(options: Options) -> Sequence[Path]:
    """The inputs that the instances of this machine hold now, what one took over from another left out."""
    return [path for path in _entries(options, "queue") if ",sync:" not in path.name]


def crashes(options: Options) -> Sequence[Path]:
    """The inputs that failed, each with edges of its own."""
    return list(_entries(options, "crashes"))


def collect(options: Options) -> None:
    """Put the queues of this machine's instances into the corpus, each input once."""
    options.corpus.mkdir(parents=True, exist_ok=True)
    for path in queue(options):
        script = path.read_bytes()
        kept = options.corpus / sha256(script).hexdigest()[:24]
        if not kept.exists():
            atomic_write(kept, script)


def _first_of_its_own(options: Options) -> int:
    """The first instance that mutates as afl-fuzz does by itself, too; with CmpLog, which the others would repeat.

    Of scripts that is every second one. The others leave all to our mutator, which finds more in the same time.
    """
    return 0 if options.raw else 1


def _own_folders(options: Options) -> list[Path]:
    pattern = re.compile(re.escape(instance_name(0)[:-1]) + r"\d+")
    folder = output_folder(options)
    return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name)) if folder.is_dir() else []


def _entries(options: Options, kind: str) -> Iterator[Path]:
    for folder in _own_folders(options):
        yield from sorted((folder / kind).glob("id:*"))


def _dictionary(options: Options) -> Path:
    return options.work / "tokens.dict"


def _last_run(options: Options, number: int) -> Path:
    return options.work / f"last-run-{number}"


def _grammar(options: Options) -> Path:
    return options.work / "grammar.bin"

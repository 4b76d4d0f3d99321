# SPDX-License-Identifier: GPL-2.0-or-later
"""libFuzzer, from the library that the package atheris carries: `python -m harness.fuzz.libfuzzer NUMBER OPTIONS`.

The driver ends the process that runs it, so each worker is one of its own. It calls a function of the native engine,
which calls the executor: no Python runs for an input, unless an oracle is written in it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.fuzz import processes
from harness.fuzz.error import FuzzError
from harness.fuzz.native import _engine
from harness.fuzz.options import Options
from harness.fuzz.processes import Process, spread
from harness.fuzz.seeds import dictionary, first_corpus
from harness.fuzz.worker import make_engine, stats_path

_FUNCTIONS = ("LLVMFuzzerRunDriver", "__sanitizer_cov_8bit_counters_init", "LLVMFuzzerMutate")


def log_path(options: Options, number: int) -> Path:
    """What libFuzzer itself prints."""
    return options.work / f"worker-{number}.log"


def prepare(options: Options) -> None:
    """Files that all workers share: the corpus, the first seeds, the dictionary."""
    options.corpus.mkdir(parents=True, exist_ok=True)
    seeds = seeds_folder(options)
    seeds.mkdir(parents=True, exist_ok=True)
    for number, script in enumerate(first_corpus(options.raw)):
        (seeds / f"{number:03}").write_bytes(script)
    for number in range(options.jobs):  # of an earlier campaign
        stats_path(options, number).unlink(missing_ok=True)
    _dictionary(options).write_text(dictionary(), encoding="ascii")


def start(options: Options, number: int, core: int | None) -> Process:
    """Start worker `number`, on one core where one is named. It ends when this process does.

    It has a session of its own: Ctrl-C is for this process, which then calls `stop`.
    """
    line = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-P", "-m", "harness.fuzz.libfuzzer"]
    line += [str(number), options.dump()]
    with log_path(options, number).open("wb") as log:
        worker = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    if core is not None:
        os.sched_setaffinity(worker.pid, {core})
    return worker


def stop(workers: Iterable[Process]) -> None:
    """End workers; returns when all are gone. What they have found is on disk already."""
    processes.stop(workers, signal.SIGINT)


@contextmanager
def running(options: Options) -> Iterator[list[Process]]:
    """A campaign's workers, spread over the cores. Whatever ends the block ends them."""
    prepare(options)
    with spread(options.jobs, lambda number, core: start(options, number, core), stop) as workers:
        yield workers


def failure(options: Options, number: int) -> str:
    """Why a worker has ended before its time."""
    lines = log_path(options, number).read_text("utf-8", "replace").strip().splitlines()
    return f"{lines[-1] if lines else 'the worker has ended'}; see {log_path(options, number)}"


def seeds_folder(options: Options) -> Path:
    """What the workers start from, beside the corpus."""
    return options.work / "seeds"


def _dictionary(options: Options) -> Path:
    return options.work / "tokens.dict"


def _arguments(options: Options, number: int) -> list[str]:
    flags = {
        "max_len": options.length,
        "len_control": 0,
        "runs": -1 if options.runs == 0 else -(-options.runs // options.jobs),
        "max_total_time": options.seconds,
        "seed": options.seed + number if options.seed else 0,
        "reload": 1 if options.jobs > 1 else 0,
        "entropic_scale_per_exec_time": 1,
        "dict": _dictionary(options),
        "artifact_prefix": f"{options.work}/",
        "print_final_stats": 1,
        "detect_leaks": 0,
        "rss_limit_mb": 0,
        "timeout": 600,
    }
    folders = str(options.corpus), str(seeds_folder(options))
    return ["hil", *(f"-{name}={value}" for name, value in flags.items()), *folders]


def _library() -> ctypes.CDLL:
    """libFuzzer, loaded behind everything that it looks up by name."""
    spec = importlib.util.find_spec("atheris")
    folder = Path(next(iter(spec.submodule_search_locations or []))) if spec else None
    found = sorted(folder.glob("core_with_libfuzzer*.so")) if folder else []
    if not found:
        raise FuzzError("the package atheris has no libFuzzer here; run `make setup`, or use --engine afl")
    return ctypes.CDLL(str(found[0]))


def run_worker(number: int, options: Options) -> None:
    """Fuzz in this process, which ends with it."""
    # libFuzzer finds the mutator by its name: the symbols of a module that is loaded already become everybody's.
    ctypes.CDLL(_engine.__file__, mode=os.RTLD_GLOBAL | os.RTLD_NOLOAD)
    engine = make_engine(options, number)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # libFuzzer has a handler, and respects that of anybody else
    library = _library()
    pointers = [_engine.ffi.cast("void *", ctypes.cast(getattr(library, f), ctypes.c_void_p).value) for f in _FUNCTIONS]
    arguments = [_engine.ffi.new("char[]", os.fsencode(argument)) for argument in _arguments(options, number)]
    argv = _engine.ffi.new("char *[]", [*arguments, _engine.ffi.NULL])
    _engine.lib.libfuzzer_run(*pointers, len(arguments), argv)
    del engine


if __name__ == "__main__":
    run_worker(int(sys.argv[1]), Options.load(sys.argv[2]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that AFL++ runs: `python -m harness.fuzz.afl_target [--firmware ELF] [--oracle ORACLE] [INPUT]`.

Under afl-fuzz, afl-showmap, afl-cmin and afl-tmin it serves runs until the fuzzer ends. By hand it runs one input, from
a file or from standard input, and ends as such a target does: with status 0, or by SIGABRT for a finding.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from emulator.board_file import SUFFIX
from emulator.errors import EmulatorError
from harness.fuzz.engine import Engine, StatsFile, lib
from harness.fuzz.executor import Verdict
from harness.fuzz.options import Options
from harness.fuzz.oracles import DEFAULT_ORACLES, ORACLES
from harness.fuzz.worker import make_engine, make_executor, make_judges
from harness.targets.base import TargetError
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

UNUSABLE: Final = 2  # exit status

# AFL++ sets it for the second target of an instance, which runs some inputs again for the sake of their compares.
_FOR_COMPARES: Final = "___AFL_EINS_ZWEI_POLIZEI___"


def command(options: Options, number: int) -> list[str]:
    """The command line for instance `number` of a campaign; it works from any folder."""
    line = [sys.executable, "-P", "-m", "harness.fuzz.afl_target", "--firmware", str(options.firmware.resolve())]
    board = str(Path(options.board).resolve()) if options.board.endswith(SUFFIX) else options.board
    line += ["--board", board, "--work", str(options.work.resolve()), "--number", str(number)]
    for oracle in options.oracles:
        line += ["--oracle", oracle]
    return [*line, "--raw"] if options.raw else line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.fuzz.afl_target", description=__doc__)
    parser.add_argument("--firmware", type=Path, help="the image (default: the release build)")
    parser.add_argument("--board", default=DEFAULT_BOARD)
    parser.add_argument("--raw", action="store_true", help="inputs are requests, not scripts")
    parser.add_argument("--oracle", action="append", choices=ORACLES, help="may be given more than once")
    parser.add_argument("--work", type=Path, help="a campaign's folder: for its statistics, and inputs that failed")
    parser.add_argument("--number", type=int, default=0, help="of the instance in that campaign")
    parser.add_argument("input", type=Path, nargs="?", help="what to run without a fuzzer (default: standard input)")
    return parser


def _engine(given: argparse.Namespace) -> Engine:
    firmware = given.firmware or default_firmware(given.board)
    oracles = tuple(given.oracle or DEFAULT_ORACLES)
    nowhere = Path(os.devnull)
    options = Options(firmware, nowhere, nowhere, given.work or nowhere, given.board, oracles, given.raw)
    if given.work and _FOR_COMPARES not in os.environ:
        return make_engine(options, given.number)
    executor = make_executor(options)
    if _FOR_COMPARES not in os.environ:
        make_judges(executor, options)
    with TemporaryDirectory() as folder:
        return Engine(executor, StatsFile(Path(folder) / "stats", create=True), None, options.raw)


def _run_once(engine: Engine, path: Path | None) -> int:
    if engine.execute(path.read_bytes() if path else sys.stdin.buffer.read()) is Verdict.PASS:
        return 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGABRT)
    return UNUSABLE


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, or run once; returns the exit status, 2 for what cannot be used."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        engine = _engine(given)
        end = lib.afl_serve()
        if end == lib.AFL_ALONE:
            return _run_once(engine, given.input)
    except OSError as error:
        parser.exit(UNUSABLE, f"{error.filename}: {error.strerror}\n")
    except (EmulatorError, TargetError) as error:
        parser.exit(UNUSABLE, f"{error}\n")
    if end == lib.AFL_REFUSED:
        parser.exit(UNUSABLE, "this fuzzer shares no inputs as AFL++ 4.04 does; install Debian's package afl++\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-or-later
"""Corpora as folders of inputs, each file named by its content: reading, writing, and choosing the few that matter.

`python -m harness.fuzz.corpus OUT IN...` writes the regression corpus: of what lies in the folders IN the inputs that
together reach all that any of them reaches.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from emulator.cpu import ffi
from harness.fuzz.error import FuzzError
from harness.fuzz.executor import Executor, Verdict
from harness.report.files import atomic_write_all, make_folder
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

INPUT_MAX: Final = 1 << 20  # bytes; engines read no more
_NAME_DIGITS: Final = 24


def input_name(script: bytes) -> str:
    """The file name of an input."""
    return sha256(script).hexdigest()[:_NAME_DIGITS]


def read_corpus(paths: Iterable[Path]) -> tuple[bytes, ...]:
    """Inputs from files and folders, subfolders included, each once, by name. Raises FuzzError where there is none."""
    found: dict[bytes, None] = {}
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                found[file.read_bytes()[:INPUT_MAX]] = None
            except OSError as error:
                raise FuzzError(f"{file}: cannot be read ({error.strerror}); check path and permissions") from error
    if not found:
        raise FuzzError("there is no input in the corpus; name a file or a folder that `hil fuzz` has filled")
    return tuple(found)


def write_corpus(folder: Path, scripts: Iterable[bytes]) -> tuple[Path, ...]:
    """Add inputs to a folder, which is made where it is missing: all or none. Raises ReportError."""
    make_folder(folder)
    files = {folder / input_name(script): script for script in scripts}
    atomic_write_all(files)
    return tuple(files)


def reach(executor: Executor, script: bytes) -> frozenset[int]:
    """Places of the executor's map that a script counts at: edges between blocks, and steps from answer to answer."""
    executor.clear_counters()
    if executor.run(script) is not Verdict.PASS:
        raise FuzzError(f"input {input_name(script)} fails: see `hil replay`; a corpus is of inputs that pass")
    counters = ffi.buffer(executor.counters)[:]
    return frozenset(place for place, count in enumerate(counters) if count)


def minimized(executor: Executor, scripts: Sequence[bytes]) -> tuple[bytes, ...]:
    """Inputs that together reach what all of them reach, short ones first; none can be left out.

    Raises FuzzError for an input that fails.
    """
    by_size = sorted(scripts, key=lambda script: (len(script), script))
    reached = {script: reach(executor, script) for script in by_size}
    times: dict[int, int] = {}
    kept: list[bytes] = []
    for script in by_size:
        if not reached[script] <= times.keys():
            kept.append(script)
            for place in reached[script]:
                times[place] = times.get(place, 0) + 1
    for script in tuple(reversed(kept)):
        if all(times[place] > 1 for place in reached[script]):
            kept.remove(script)
            for place in reached[script]:
                times[place] -= 1
    return tuple(kept)


def main(out: Path, *sources: Path) -> None:
    """Write the minimised corpus; inputs that are in `out` are sources as well, and go where they are not needed."""
    sources += (out,) if out.is_dir() else ()
    executor = Executor(EmulatedTarget(default_firmware()))
    try:
        chosen = minimized(executor, read_corpus(sources))
    finally:
        executor.close()
    written = set(write_corpus(out, chosen))
    for path in out.iterdir():
        if path not in written:
            path.unlink()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

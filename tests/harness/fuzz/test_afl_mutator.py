# SPDX-License-Identifier: GPL-2.0-or-later
"""The mutator as afl-fuzz loads it: a library, in a process that has no executor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.fuzz import script
from harness.fuzz.native import _engine

SNIPPET = script.encode([*script.literal(b"a snippet that is known again"), script.send(1)])
INPUT = script.encode([script.clock(1), script.send(2), script.clock(3), script.send(4)])
MAX = 96

# Prints an output a line.
PROGRAM = """
import ctypes, sys
library, text, limit, seed = ctypes.CDLL(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
library.afl_custom_init.restype = ctypes.c_void_p
library.afl_custom_fuzz.restype = ctypes.c_size_t
state, out = ctypes.c_void_p(library.afl_custom_init(None, seed)), ctypes.POINTER(ctypes.c_uint8)()
for _ in range(300):
    size = library.afl_custom_fuzz(
        state, text, ctypes.c_size_t(len(text)), ctypes.byref(out), None, ctypes.c_size_t(0), ctypes.c_size_t(limit)
    )
    print(bytes(out[:size]).hex())
library.afl_custom_deinit(state)
"""


def outputs(snippets: Path | None, seed: int = 1, limit: int = MAX) -> list[bytes]:
    environment = os.environ | ({"HIL_FUZZ_SNIPPETS": str(snippets)} if snippets else {})
    line = [sys.executable, "-c", PROGRAM, str(_engine.__file__), INPUT.hex(), str(limit), str(seed)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [bytes.fromhex(text) for text in done.stdout.splitlines()]


def file_of(path: Path, *snippets: bytes) -> Path:
    path.write_bytes(b"".join(len(snippet).to_bytes(4, "little") + snippet for snippet in snippets))
    return path


def test_puts_snippets_in_and_changes_steps(tmp_path: Path) -> None:
    made = outputs(file_of(tmp_path / "snippets", SNIPPET))
    assert any(SNIPPET in output for output in made)
    assert len(set(made)) > 100
    assert all(len(output) <= MAX for output in made)
    steps = {len(list(script.decode(output))) for output in made}
    assert {3, 4, 5} <= steps


def test_the_seed_decides(tmp_path: Path) -> None:
    snippets = file_of(tmp_path / "snippets", SNIPPET)
    assert outputs(snippets) == outputs(snippets)
    assert outputs(snippets) != outputs(snippets, seed=2)


def test_works_without_snippets_and_with_a_file_that_is_cut_short(tmp_path: Path) -> None:
    assert len(set(outputs(None))) > 50
    cut = file_of(tmp_path / "cut", SNIPPET, SNIPPET)
    cut.write_bytes(cut.read_bytes()[:-1])
    assert any(SNIPPET in output for output in outputs(cut))
    assert len(set(outputs(tmp_path / "missing"))) > 50


def test_an_input_that_is_too_long_makes_nothing() -> None:
    assert set(outputs(None, limit=len(INPUT) - 1)) == {b""}

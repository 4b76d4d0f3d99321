# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds `harness.fuzz.native._engine`; the package's own build runs this (`cffi_modules` in setup.py)."""

from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent
PARTS = (
    "engine",
    "last_run",
    "mutator",
    "mutation",
    "structure",
    "compares",
    "input_to_state",
    "libfuzzer",
    "afl",
    "afl_mutator",
)

ffibuilder = cffi.FFI()
ffibuilder.cdef((HERE / "engine.h").read_text().split("/* binding: begin */")[1].split("/* binding: end */")[0])
ffibuilder.set_source(
    "harness.fuzz.native._engine",
    '#include "engine.h"',
    sources=[f"harness/fuzz/native/{name}.c" for name in PARTS],
    # script.h: the mutator knows where a step of a script ends.
    include_dirs=["harness/fuzz/native", "emulator/native"],
    # Debug information would name folders of the machine that builds it.
    extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-g0"],
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds `emulator.native._core`, the cffi binding of core.h, against the pinned Unicorn wheel.

The package's own build runs this (`cffi_modules` in setup.py). The library is not linked by a path of the build
machine: it is found by its soname next to the installed `unicorn` package, which is always imported first.
"""

import importlib.util
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent
PARTS = (
    *("core", "run", "grants", "locate", "snapshot", "checkpoint", "watch", "search", "trace", "feedback", "executor"),
    *("exchange", "script", "coverage", "steps", "debugger", "alignment"),
)


def _declarations() -> str:
    """The part of core.h that cffi reads: what stands between the binding marks."""
    text = (HERE / "core.h").read_text()
    return text.split("/* binding: begin */")[1].split("/* binding: end */")[0]


def _unicorn() -> Path:
    spec = importlib.util.find_spec("unicorn")
    if spec is None or spec.origin is None:
        raise SystemExit("emulator.native: the package unicorn is missing; run `make setup`")
    return Path(spec.origin).parent


ffibuilder = cffi.FFI()
ffibuilder.cdef(_declarations())
ffibuilder.set_source(
    "emulator.native._core",
    '#include "core.h"',
    sources=[f"emulator/native/{name}.c" for name in PARTS],
    include_dirs=["emulator/native", str(_unicorn() / "include")],
    # Debug information would name folders of the machine that builds it.
    extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-g0"],
    extra_link_args=[str(_unicorn() / "lib" / "libunicorn.so.2"), "-Wl,-rpath,$ORIGIN/../../unicorn/lib"],
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)

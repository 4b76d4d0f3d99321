# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that is libFuzzer over the native build: `python -m harness.bench.native_fuzzer LIBRARY SECONDS REQUEST...`

libFuzzer comes with the package atheris, whose module exports its driver. Library and driver are C on both sides: no
Python runs between two executions. The driver ends the process and writes its statistics to standard error.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cffi import FFI

from harness.bench.fuzzing_baselines import ENTROPY, KEYS, TEXT_SIZE
from harness.protocol import commands as table
from harness.targets.base import TargetError

_DECLARATIONS: Final = f"""
    extern uint8_t native_kernel_page[16];
    extern uint8_t native_entropy_page[{table.ENTROPY_SIZE}];
    extern uint8_t native_key_storage[{table.KEY_STORAGE_SIZE}];
    void native_boot(void);
    void fuzz_begin(void);
    bool fuzz_add_request(const uint8_t *request, size_t size);
    int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
    int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *input, size_t size));
"""


def libfuzzer_module() -> Path:
    """Where atheris has the library with libFuzzer in it. Raises TargetError when it is not installed."""
    package = importlib.util.find_spec("atheris")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        for path in Path(folder).glob("core_with_libfuzzer.*.so"):
            return path
    raise TargetError("libFuzzer is missing: install the package atheris (`make setup`)")


def boot(library: Any, ffi: FFI, requests: Sequence[bytes]) -> None:
    """Start the service in a library that is loaded, and tell it which requests to send in turn."""
    magic = table.KERNEL_PAGE_MAGIC.to_bytes(4, "little") + table.KERNEL_PAGE_VERSION.to_bytes(4, "little")
    ffi.buffer(library.native_kernel_page)[: len(magic)] = magic
    ffi.buffer(library.native_entropy_page)[:] = ENTROPY
    ffi.buffer(library.native_key_storage)[: len(KEYS)] = KEYS
    library.native_boot()
    for request in requests:
        if not library.fuzz_add_request(request, len(request)):
            raise TargetError(f"a request of {len(request)} bytes, or one too many")
    library.fuzz_begin()


def fuzz(path: Path, seconds: int, requests: Sequence[bytes]) -> None:
    """Run libFuzzer for so many seconds; does not return."""
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    # First and for everybody: the service's library takes its functions from here.
    driver: Any = ffi.dlopen(str(libfuzzer_module()), os.RTLD_NOW | os.RTLD_GLOBAL)
    library: Any = ffi.dlopen(str(path.absolute()))
    boot(library, ffi, requests)
    options = [f"-max_total_time={seconds}", f"-max_len={TEXT_SIZE}", "-print_final_stats=1", "-seed=1"]
    words = [ffi.new("char[]", word.encode()) for word in ("fuzz", *options)]
    arguments = ffi.new("char *[]", [*words, ffi.NULL])
    driver.LLVMFuzzerRunDriver(
        ffi.new("int *", len(words)),
        ffi.new("char ***", arguments),
        ffi.addressof(library, "LLVMFuzzerTestOneInput"),
    )


if __name__ == "__main__":
    fuzz(Path(sys.argv[1]), int(sys.argv[2]), [bytes.fromhex(word) for word in sys.argv[3:]])

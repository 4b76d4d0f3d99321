# SPDX-License-Identifier: GPL-2.0-or-later
"""An engine's way to the executor: the native engine module gets the executor's functions as pointers.

Both modules are compiled on their own, so neither is linked against the other and each has types of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.cpu import ffi as emulator_ffi
from emulator.cpu import lib as emulator_lib
from harness.fuzz.executor import COUNTERS, Executor, Verdict
from harness.fuzz.native._engine import ffi, lib

# Members of struct engine that are functions of the native core.
_FUNCTIONS = {
    "run": "executor_run",
    "key": "executor_key",
    "compares": "core_compares",
    "feedback": "core_feedback",
}

Report = Callable[[Verdict, bytes], None]


@dataclass(frozen=True, slots=True)
class Attachment:
    """What has to stay alive while an engine runs: its struct, the executor, and the callback behind `report`."""

    engine: Any
    executor: Executor
    callback: Any


def _over(pointer: Any, kind: str = "void *") -> Any:
    """A pointer of the emulator's binding as one of the engine's."""
    return ffi.cast(kind, int(emulator_ffi.cast("uintptr_t", pointer)))


def attach(executor: Executor, report: Report | None = None) -> Attachment:
    """Make `executor` the one of this process's engines; keep what is returned as long as an engine may run.

    `report` is called with verdict and input of each finding that looks new. It runs within an execution: it must not
    run the executor, and what it raises is shown on standard error and otherwise lost.
    """
    engine = ffi.new("struct engine *")
    engine.executor = _over(executor.native)
    engine.core = _over(executor.target.machine.cpu.native)
    for member, function in _FUNCTIONS.items():
        kind = ffi.typeof(getattr(engine, member))
        setattr(engine, member, _over(emulator_ffi.addressof(emulator_lib, function), kind))
    engine.counters = _over(executor.counters, "uint8_t *")
    engine.counter_count = COUNTERS
    engine.raw = executor.raw
    callback = ffi.NULL
    if report is not None:
        callback = ffi.callback(
            "void(int, const uint8_t *, size_t)",
            lambda verdict, data, size: report(Verdict(verdict), ffi.buffer(data, size)[:]),
        )
    engine.report = callback
    lib.engine_use(engine)
    return Attachment(engine, executor, callback)

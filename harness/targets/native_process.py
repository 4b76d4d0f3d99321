# SPDX-License-Identifier: GPL-2.0-or-later
"""The process in which the native library runs (firmware/platform_native/runner.c), and how it ended.

All variables of the library, the pages of the contract among them, are memory that this process shares. A command is a
byte through a pipe, and its echo says that it is done.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.targets.base import TargetError, TargetStopped
from harness.targets.native_report import sanitizer_report
from harness.targets.one_core import OneCore

RUNNER: Final = "runner"
BOOT, EXCHANGE = b"b", b"x"

# Seconds of processor time for a command: some hundred times what the slowest takes under a sanitizer.
PROCESSOR_SECONDS: Final = 5
# Seconds for one that uses none: it waits for something that never comes. Long, since the machine may be busy.
PATIENCE: Final = 60.0

_core: Final = OneCore()  # of this process and its runners

_PLACES: Final = struct.Struct("<5Q")
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_OUTPUT_BYTES: Final = 16384


@dataclass(frozen=True, slots=True)
class Places:
    """Offsets of the pages in the shared memory, and its size."""

    size: int
    kernel_page: int
    entropy_page: int
    key_storage: int
    window: int


class NativeProcess:
    """A runner with the library loaded, its variables as the loader has left them.

    `memory` are the variables. Raises TargetError when the file is no such library, or has no runner beside it.
    """

    def __init__(self, library: Path, processor_seconds: int = PROCESSOR_SECONDS, patience: float = PATIENCE) -> None:
        self._limits = processor_seconds, patience
        runner = library.absolute().with_name(RUNNER)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        variables = os.memfd_create("hil-native")
        _core.enter()
        try:
            self._start(runner, library.absolute(), variables)
            self.places = self._introduction(library)
            self._mapping = mmap.mmap(variables, self.places.size)
        except BaseException:
            _core.leave()
            raise
        finally:
            os.close(variables)
        self.memory = memoryview(self._mapping)

    def _start(self, runner: Path, library: Path, variables: int) -> None:
        try:
            self._process = subprocess.Popen(
                [str(runner), str(library), str(variables), str(self._limits[0])],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=(variables,),
            )
        except OSError as error:
            self._errors.close()
            raise _no_library(library, f"{runner}: {error.strerror}") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._answers = select.poll()
        self._answers.register(self._from, select.POLLIN)

    def _introduction(self, library: Path) -> Places:
        said = os.read(self._from, _PLACES.size) if self._answers.poll(_START_SECONDS * 1000) else b""
        if len(said) != _PLACES.size:
            self._kill()
            words = " ".join(self._output().split()) or "the runner says nothing"
            self._release()
            raise _no_library(library, words)
        return Places(*_PLACES.unpack(said))

    def do(self, command: bytes) -> None:
        """Have a command done. Raises TargetStopped with signal or status, and what a sanitizer has said."""
        try:
            os.write(self._to, command)
            answered = self._answers.poll(self._limits[1] * 1000)
            done = bool(answered) and os.read(self._from, 1) == command
        except BrokenPipeError:
            answered, done = [(self._from, select.POLLHUP)], False
        if not done:
            raise TargetStopped(self._death() if answered else self._stuck())

    @property
    def ended(self) -> bool:
        """Whether there is no process any more that could do something."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process and give back the memory; twice does no harm. The caller has released views of `memory`."""
        if self._errors.closed:
            return
        self._kill()
        self.memory.release()
        self._mapping.close()
        self._release()
        _core.leave()

    # ---- its end ----

    def _stuck(self) -> str:
        self._kill()
        return f"no answer within {self._limits[1]:g} s, though it does not compute: it waits for something"

    def _death(self) -> str:
        """Why the process is no more: what a sanitizer says, else the signal, else the status."""
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            return "it has closed its end of the pipe"
        output = self._output()
        report = sanitizer_report(output)
        if report is not None:
            return report
        if status == -signal.SIGPROF:
            return f"no answer within {self._limits[0]} s of processor time"
        how = f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return "\n".join(filter(None, (how, output.strip())))

    def _output(self) -> str:
        """What it has written to standard error, as far as anybody wants to read it."""
        self._errors.seek(0)
        return self._errors.read(_OUTPUT_BYTES).decode(errors="replace")

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _release(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()


def _no_library(path: Path, why: str) -> TargetError:
    return TargetError(f"{path}: not the service as a library for this machine ({why}); build it with `make firmware`")

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil serve` in a process of its own, for whoever needs it for a while, and what it takes of the machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.serve import window_object
from harness.targets.base import TargetError

_COMMAND: Final = (sys.executable, "-B", "-c", "from harness.cli import main; main()", "serve")
_END_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server and its devices take: processes, KiB of resident memory, descriptors, window objects."""

    processes: int
    memory_kib: int
    descriptors: int
    objects: int


@dataclass(frozen=True, slots=True)
class Background:
    """A running server."""

    path: Path
    process: subprocess.Popen[str]
    _log: Path

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    @property
    def devices(self) -> tuple[int, ...]:
        """The processes of its devices."""
        pid = self.process.pid
        return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    @property
    def windows(self) -> tuple[str, ...]:
        """The windows, by their file names in window_object.OBJECTS, of all devices that there have been."""
        return tuple(re.findall(r"^device \d+: process \d+, window /(\S+)$", self.log, re.MULTILINE))

    def usage(self) -> Usage:
        """What it takes now; no device may come or go meanwhile."""
        pids = (self.process.pid, *self.devices)
        resident = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
        descriptors = [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]
        page_kib = os.sysconf("SC_PAGE_SIZE") // 1024
        objects = [name for name in self.windows if (window_object.OBJECTS / name).exists()]
        return Usage(len(pids), sum(resident) * page_kib, sum(descriptors), len(objects))


@contextmanager
def background_server(*options: str) -> Iterator[Background]:
    """A server with these options of `hil serve`, at a socket of its own, as long as the block lasts.

    Raises TargetError with its last words where it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="hil-serve-") as folder:
        path, log = Path(folder, "hil.sock"), Path(folder, "log")
        with log.open("w") as file:
            process = subprocess.Popen(
                (*_COMMAND, "--socket", str(path), *options), stdout=subprocess.PIPE, stderr=file, text=True
            )
        with process:
            try:
                assert process.stdout is not None
                if not process.stdout.readline():
                    raise TargetError(f"`hil serve` does not start: {log.read_text().strip()}")
                yield Background(path, process, log)
                process.send_signal(signal.SIGTERM)
                process.wait(_END_SECONDS)
            finally:
                process.kill()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The service in QEMU: another emulator's core, interrupts and clock, reached through its GDB stub.

QEMU talks over one end of a pair of connected sockets that is handed to it: there is no port to choose, nobody else
can connect, and nothing is left behind. It ends with this process, whatever ends that.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from emulator.board import Board
from emulator.board_file import find_board
from emulator.image import load_image
from harness.targets.base import TargetError, TargetLost, TargetStopped
from harness.targets.gdb_remote.connection import Connection, Timeouts
from harness.targets.gdb_remote.stub import Stub
from harness.targets.gdb_remote.target import RemoteTarget, require_known_core

TOOL: Final = "qemu-system-arm"
PACKAGE: Final = "qemu-system-arm"  # Debian's
_ENDS: Final = 5.0  # seconds in which a process is gone whose connection is closed

# What QEMU says before it aborts because its core locks up.
_LOCKUP: Final = "Lockup"


def require(tool: str = TOOL, package: str = PACKAGE) -> str:
    """The path of a tool. Raises TargetError where it is missing."""
    path = shutil.which(tool)
    if path is None:
        raise TargetError(f"{tool} is missing; install Debian's package {package}, or run `make setup-qemu`")
    return path


class Qemu:
    """A running QEMU whose core stands still at power-on, with a connection to its stub.

    Raises TargetError where QEMU is missing or does not start.
    """

    def __init__(self, machine: str, timeouts: Timeouts | None = None) -> None:
        guard = [require("setpriv", "util-linux"), "--pdeathsig", "KILL", "--"]
        program = require()
        ours, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        link = ["-chardev", f"socket,id=stub,fd={theirs.fileno()}", "-gdb", "chardev:stub"]
        quiet = ["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "null"]
        with theirs:
            # A session of its own: Ctrl-C is for this process, which then ends it.
            self.process = subprocess.Popen(
                [*guard, program, "-M", machine, *quiet, "-S", *link],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.connection = Connection(ours, "QEMU", timeouts)

    def stub(self) -> Stub:
        """The stub. Raises TargetError with what QEMU says where it has ended instead of answering."""
        try:
            return Stub(self.connection)
        except TargetLost as error:
            words = self.last_words()
            self.close()
            raise TargetError(f"{TOOL} does not start: {words or error}") from None

    def last_words(self) -> str:
        """What QEMU has said of its end, warnings aside; empty while it runs, and where it was ended without a word."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_ENDS)
        if self.process.returncode is None:
            return ""
        self._said.seek(0)
        lines = (line.strip() for line in self._said.read().decode("utf-8", "replace").split("\n"))
        return next((line for line in lines if line and "warning:" not in line), "")

    def close(self) -> None:
        """End QEMU and hang up; calling it twice does no harm."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


class QemuTarget(RemoteTarget):
    """Target in a QEMU of its own. A core that locks up ends QEMU, and the next boot starts another."""

    def __init__(self, firmware: Path, board_name: str = "an386", timeouts: Timeouts | None = None) -> None:
        row: Board = find_board(board_name, firmware)
        require_known_core(row, "qemu")
        image = load_image(firmware, row)
        self._timeouts = timeouts
        if not row.qemu_machine:
            raise TargetError(f"board {row.name}: QEMU has no machine for it, take the target emulated")
        self._machine = row.qemu_machine
        self._locked_up = False
        self.qemu = Qemu(self._machine, timeouts)
        try:
            super().__init__(self.qemu.stub(), row, image, "qemu", ("system_reset",))
        except BaseException:
            self.qemu.close()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """What reports name beside the bench's own versions."""
        said = subprocess.run([require(), "--version"], capture_output=True, text=True, check=False).stdout
        return {"qemu": said.partition("\n")[0] or "not recorded"}

    def boot(self, entropy: bytes, key_image: bytes) -> None:
        """See Target.boot."""
        if self._locked_up:
            self.qemu.close()
            self.qemu = Qemu(self._machine, self._timeouts)
            self._attach(self.qemu.stub())
            self._locked_up = False
        super().boot(entropy, key_image)

    def close(self) -> None:
        """See Target.close."""
        super().close()
        self.qemu.close()

    def _run(self, seconds: float) -> int:
        try:
            return super()._run(seconds)
        except TargetLost as error:
            words = self.qemu.last_words()
            if _LOCKUP not in words:
                raise TargetLost(f"{error}: {words}" if words else str(error)) from None
            self._locked_up = True
            raise TargetStopped(words) from None

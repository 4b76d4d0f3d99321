# SPDX-License-Identifier: GPL-2.0-or-later
"""Remote targets by what the command line says: `gdb:HOST:PORT`."""

from __future__ import annotations

import re
from pathlib import Path

from emulator.board_file import find_board
from emulator.image import load_image
from harness.targets.base import TargetError
from harness.targets.gdb_remote.connection import Connection, Timeouts, connect
from harness.targets.gdb_remote.stub import Stub
from harness.targets.gdb_remote.target import RemoteTarget, require_known_core
from harness.targets.names import REMOTE_FORM


def open_remote(name: str, firmware: Path, board_name: str, timeouts: Timeouts | None = None) -> RemoteTarget:
    """The target behind the stub that `name` says; an address of IPv6 stands in brackets.

    Raises TargetError for a name of another form or a stub that cannot be used, EmulatorError for an unusable image or
    board, both before anything is connected to.
    """
    found = re.fullmatch(r"gdb:(\[[^\]]+\]|[^:\[\]]+):(\d{1,5})", name)
    if found is None or not 0 < int(found[2]) < 1 << 16:
        raise TargetError(f"target {name!r} is no {REMOTE_FORM}, for instance gdb:127.0.0.1:3333")
    row = find_board(board_name, firmware)
    require_known_core(row, name)
    image = load_image(firmware, row)
    chosen = timeouts or Timeouts()
    link = connect(found[1].strip("[]"), int(found[2]), chosen)
    stub = Stub(Connection(link, f"the stub at {found[1]}:{found[2]}", chosen))
    return RemoteTarget(stub, row, image, name)

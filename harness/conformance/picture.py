# SPDX-License-Identifier: GPL-2.0-or-later
"""The judged image as a task of a running system, for the report's picture."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from emulator.errors import EmulatorError
from emulator.l4.picture import TaskPicture, of_system
from harness.default_keys import ENTROPY, default_keys
from harness.targets.base import TargetError, TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.gateway import GatewaySystem


def running_tasks(firmware: Path, board: str) -> tuple[TaskPicture, ...]:
    """The tasks behind their start: the service, and the gateway if a usable image of it lies beside the service's.

    A task that does not come up is shown as it stopped. Raises EmulatorError for an unusable image or board.
    """
    with closing(_opened(firmware, board)) as target:
        with suppress(TargetStopped):
            target.boot(ENTROPY, default_keys().build())
        return of_system(target.system if isinstance(target, GatewaySystem) else target.machine.system)


def _opened(firmware: Path, board: str) -> GatewaySystem | EmulatedTarget:
    try:
        return GatewaySystem(firmware, board)
    except (EmulatorError, TargetError):  # what is wrong with a gateway is for the cases of the client's clauses to say
        return EmulatedTarget(firmware, board)

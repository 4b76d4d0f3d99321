# SPDX-License-Identifier: GPL-2.0-or-later
"""What a debugger session begins with: the firmware at power-on, or a finding where it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from emulator.gdbserver.monitor import commands
from emulator.gdbserver.stepping import Halt
from emulator.gdbserver.stub import Stub
from harness.debugging.commands import protocol_commands
from harness.debugging.debuggee import Debuggee
from harness.default_keys import ENTROPY, default_keys
from harness.fuzz.finding import FindingError
from harness.fuzz.interpreter import interpret
from harness.fuzz.replay import replay
from harness.targets.base import TargetError
from harness.targets.names import DEFAULT_BOARD

# An exchange may take some instructions more than under the executor, which counts whole blocks; a hang never ends.
_SLACK: Final = 1_000


def at_power_on(firmware: Path | None = None, board: str = DEFAULT_BOARD, gateway: bool = False) -> Debuggee:
    """The service, with the gateway where it is wanted, before its first instruction; default keys and entropy.

    Raises TargetError without an image, EmulatorError for one that cannot be used.
    """
    debuggee = Debuggee(firmware, board, gateway)
    debuggee.prepare(ENTROPY, default_keys().build())
    return debuggee


def at_finding(script: bytes, kind: str, firmware: Path | None = None, board: str = DEFAULT_BOARD) -> Debuggee:
    """The service as a finding's script leaves it: before the instruction that faults, within the loop that does not
    end, or waiting behind the answer that is wrong. All that led there can be gone back to.

    Raises FindingError for a script that does not fail on this firmware; otherwise see `at_power_on`.
    """
    seen = replay(script, kind, firmware=firmware, board=board)
    if not seen.fails:
        raise FindingError("the input does not fail on this firmware: name the one that it was found on by --firmware")
    budgets = [exchange.instructions + _SLACK for exchange in seen.exchanges]
    debuggee = Debuggee(firmware, board, budgets=iter(budgets))
    try:
        interpret(script, debuggee)
    except TargetError:
        debuggee.close()
        raise
    return debuggee


def stub(debuggee: Debuggee) -> Stub:
    """What serves a debugger: all monitor commands, and the debuggee's last halt as why it stands where it does."""
    halt = debuggee.halt
    if halt is not None and halt.why == "limit":
        halt = Halt("interrupt", halt.task)
    return Stub(debuggee.timeline, commands(protocol_commands()), halt)

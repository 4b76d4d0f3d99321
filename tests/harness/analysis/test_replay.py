# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from harness.analysis.exercise import ENTROPY, keys
from harness.analysis.replay import last_writer, readers
from harness.protocol import codec
from harness.protocol import commands as table
from harness.targets.emulated import EXCHANGE_BUDGET, EmulatedTarget


def test_readers_and_writers_are_named(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, keys().build())
    machine, window = emulated.machine, emulated.board.window.base
    emulated.window.post(codec.aes_encrypt(1, b"", bytes(40)))
    machine.cpu.checkpoint()
    machine.run(EXCHANGE_BUDGET)
    answer = bytes(emulated.window.response_area)
    found = readers(machine, EXCHANGE_BUDGET, window + table.WINDOW_REQUEST + 4, 1)
    assert [machine.symbols.describe(pc).partition("+")[0] for pc in found] == ["ipc_serve"]
    writer = last_writer(machine, EXCHANGE_BUDGET, window + table.WINDOW_RESPONSE + 20, 4)
    assert writer is not None
    assert "shared_store" in machine.symbols.describe(writer)
    assert last_writer(machine, EXCHANGE_BUDGET, window + table.WINDOW_RESPONSE + 5000, 4) is None
    assert bytes(emulated.window.response_area) == answer

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from emulator.stop import IDLE
from harness.analysis.exercise import ENTROPY, keys
from harness.analysis.uninitialised import PATTERN, FilledRun
from harness.protocol import codec
from harness.targets.emulated import EXCHANGE_BUDGET, EmulatedTarget


def test_dead_stack_and_buffers_are_filled_and_the_answer_stays(emulated: EmulatedTarget) -> None:
    emulated.boot(ENTROPY, keys().build())
    run = FilledRun(emulated, ("cached_keys",))
    machine = emulated.machine
    emulated.window.post(codec.aes_encrypt(1, b"", b"text"))
    machine.cpu.checkpoint()
    stop, filled = run.run(EXCHANGE_BUDGET)
    scratch = next(s for s in emulated.image.all_symbols if s.name == "mldsa_working_memory")
    cache = next(s for s in emulated.image.all_symbols if s.name == "cached_keys")
    assert set(machine.read(scratch.address, scratch.size)) == {PATTERN}
    assert not any(machine.read(cache.address, cache.size))
    machine.cpu.rollback()
    assert not any(machine.read(scratch.address, scratch.size))
    assert stop is machine.run(EXCHANGE_BUDGET) is IDLE
    assert filled == run.response()
    assert filled[:3].hex() == "c80100"
    assert run.culprits(EXCHANGE_BUDGET, filled) == "several parts together"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Times as ratios to a baseline that is measured in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import unicorn
from unicorn import arm_const

from emulator.board_file import find_board
from emulator.calls import Calls
from emulator.image import load_image
from emulator.l4.ping_pong import ping_pong
from emulator.machine import Machine
from harness.bench.figure import Figure
from harness.protocol import codec, key_image
from harness.protocol.commands import RATE_INTERVAL_US
from harness.protocol.key_image import KeyImage
from harness.targets.emulated import EmulatedTarget

ROUNDS = 7
UNKNOWN_TYPE = 0x7F
SWITCHES = 20_000
SWITCH_BUDGET = 1000  # instructions of a turn; it needs less than ten


def _microseconds(action: Callable[[], object], repeat: int) -> float:
    """Median over ROUNDS of the time of one call."""
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(repeat):
            action()
        rounds.append((time.perf_counter() - begin) / repeat * 1e6)
    return statistics.median(rounds)


def exchange_times(path: Path, board_name: str) -> tuple[Figure, ...]:
    """One refused request from Python, without and with a restore, by an empty emu_start of the same engine."""
    target = EmulatedTarget(path, board_name)
    try:
        target.boot(bytes(range(48)), KeyImage((key_image.aes_slot(1, bytes(32)),)).build())
        request = codec.encode_request(UNKNOWN_TYPE)
        clock = 0

        def refused() -> None:
            nonlocal clock
            clock += RATE_INTERVAL_US
            target.set_clock(clock)
            target.exchange(request)

        def restored() -> None:
            target.machine.cpu.restore()
            target.exchange(request)

        empty = _empty_emu_start()
        plain, with_restore = _microseconds(refused, 20_000), _microseconds(restored, 20_000)
    finally:
        target.close()
    baseline = f"empty emu_start: {empty:.2f} us"
    return (
        Figure("refused exchange", plain, "us", baseline, plain / empty, 4),
        Figure("refused exchange with restore", with_restore, "us", baseline, with_restore / empty, 6),
    )


def task_switch(board_name: str) -> Figure:
    """From the gateway's ring over the service's answer to the gateway that sees it: two turns of the scheduler."""
    system = ping_pong(find_board(board_name))
    try:
        empty = _empty_emu_start()
        round_trip = _microseconds(lambda: system.run(SWITCH_BUDGET, turns=2 * SWITCHES), 1) / SWITCHES
    finally:
        system.close()
    return Figure("task switch, both ways", round_trip, "us", f"empty emu_start: {empty:.2f} us", round_trip / empty, 3)


def _empty_emu_start() -> float:
    """Microseconds of an emu_start that executes one WFI, from Python, on a plain engine."""
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    engine.mem_map(0, 4096)
    engine.mem_write(0, b"\x30\xbf")
    return _microseconds(lambda: engine.emu_start(1, 0xFFE), 20_000)


SPEED_BYTES = 64 * 1024


def guest_speed(path: Path, board_name: str) -> Figure:
    """SHA3-256 over 64 KiB: the bench's machine by a plain engine over the same image."""
    row = find_board(board_name, path)
    machine = Machine(row, load_image(path, row))
    try:
        calls = Calls(machine)
        digest, data = calls.buffer(32), calls.buffer(bytes(SPEED_BYTES))

        def ours() -> None:
            calls.call("sha3_256", digest, data, SPEED_BYTES)

        ours()
        instructions = calls.instructions
        plain = _plain_sha3(machine, digest.address, data.address)
        plain()
        fast, slow = _microseconds(ours, 10), _microseconds(plain, 3)
    finally:
        machine.close()
    mips, plain_mips = instructions / fast, instructions / slow
    return Figure(
        "guest speed, SHA3-256", mips, "MIPS", f"plain emu_start: {plain_mips:.0f} MIPS", mips / plain_mips, 4, "least"
    )


def _plain_sha3(machine: Machine, digest: int, data: int) -> Callable[[], None]:
    """The same call on an engine with its defaults: no virtual TLB, RAM executable."""
    row = machine.board
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    for bank in (*row.banks, row.return_pad):
        engine.mem_map(bank.base, bank.size)
        engine.mem_write(bank.base, machine.read(bank.base, bank.size))
    function = machine.image.symbols["sha3_256"].address

    def run() -> None:
        for register, value in (
            (arm_const.UC_ARM_REG_R0, digest),
            (arm_const.UC_ARM_REG_R1, data),
            (arm_const.UC_ARM_REG_R2, SPEED_BYTES),
            (arm_const.UC_ARM_REG_SP, row.stack.end),
            (arm_const.UC_ARM_REG_LR, row.return_pad.base | 1),
        ):
            engine.reg_write(register, value)
        engine.emu_start(function | 1, row.code.end - 2)

    return run

# SPDX-License-Identifier: GPL-2.0-or-later
"""A remote target on stubs that are of no use to it; the sound one is QEMU's (test_qemu.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.image import load_image
from harness.default_keys import ENTROPY, default_keys
from harness.targets.base import TargetError, TargetLost
from harness.targets.gdb_remote.connection import Connection
from harness.targets.gdb_remote.stub import Stub
from harness.targets.gdb_remote.target import RemoteTarget

Handler = Callable[[bytes], object]
Talk = Callable[[Handler], Connection]
KEYS = default_keys().build()


class Memory:
    """A core with memory that stands still, beside a sound stub's answers."""

    def __init__(self, sound: Handler, resets: str = "reset halt") -> None:
        self.sound = sound
        self.resets = resets.encode().hex().encode()
        self.bytes: dict[int, int] = {}
        self.pc = 0
        self.commands: list[bytes] = []

    def __call__(self, command: bytes) -> object:
        if command[:1] == b"M":
            place, _, digits = command[1:].partition(b":")
            address = int(place.split(b",")[0], 16)
            self.bytes.update(enumerate(bytes.fromhex(digits.decode()), address))
            return b"OK"
        if command[:1] == b"m":
            address, size = (int(part, 16) for part in command[1:].split(b","))
            return bytes(self.bytes.get(address + i, 0) for i in range(size)).hex().encode()
        if command.startswith(b"Pf="):
            self.pc = int.from_bytes(bytes.fromhex(command[3:].decode()), "little")
        if command.startswith(b"qRcmd,"):
            self.commands.append(bytes.fromhex(command[6:].decode()))
            self.pc = 0x100 if command[6:] == self.resets else self.pc
        if command == b"g":
            return b"00" * 60 + self.pc.to_bytes(4, "little").hex().encode() + b"00000001"
        return self.sound(command)


def open_on(connection: Connection, firmware: Path) -> RemoteTarget:
    return RemoteTarget(Stub(connection), AN386, load_image(firmware, AN386), "gdb:test")


def test_memory_that_does_not_keep_the_image(talk: Talk, sound_stub: Handler, firmware: Path) -> None:
    connection = talk(sound_stub)
    with pytest.raises(TargetError, match=r"gdb:test: memory at 0x00000000 does not hold .* program service.elf"):
        open_on(connection, firmware)
    with pytest.raises(TargetLost, match="the connection is closed"):
        connection.ask(b"?")


def test_an_image_that_is_there_is_not_written_again(talk: Talk, sound_stub: Handler, firmware: Path) -> None:
    memory = Memory(sound_stub)
    open_on(talk(memory), firmware)
    written: list[bytes] = []

    def listen(command: bytes) -> object:
        written.extend([command] if command[:1] == b"M" else [])
        return memory(command)

    open_on(talk(listen), firmware)
    assert written == []


@pytest.mark.parametrize("command", ["reset halt", "reset", "system_reset"])
def test_the_command_that_resets_is_found(talk: Talk, sound_stub: Handler, firmware: Path, command: str) -> None:
    memory = Memory(sound_stub, command)
    target = open_on(talk(memory), firmware)
    # The core of this stub never runs: what happens behind the reset is that no stop comes.
    with pytest.raises(TargetLost, match="the stub does not stop its core"):
        target.boot(ENTROPY, KEYS)
    assert memory.commands[-1].decode() == command
    kernel_page = AN386.kernel_page.base
    assert [memory.bytes[kernel_page + i] for i in range(4)] == [0x4C, 0x34, 0xE6, 0x4B]
    assert bytes(memory.bytes[AN386.entropy_page.base + i] for i in range(48)) == ENTROPY
    assert bytes(memory.bytes[AN386.key_storage.base + i] for i in range(len(KEYS))) == KEYS


def test_a_stub_that_does_not_reset(talk: Talk, sound_stub: Handler, firmware: Path) -> None:
    target = open_on(talk(Memory(sound_stub, "no such command")), firmware)
    with pytest.raises(TargetError, match="gdb:test: the stub does not reset its core; tried `monitor reset halt`, "):
        target.boot(ENTROPY, KEYS)


def test_what_cannot_be_done_is_said(talk: Talk, sound_stub: Handler, firmware: Path) -> None:
    target = open_on(talk(Memory(sound_stub)), firmware)
    with pytest.raises(TargetError, match=r"call boot\(\) first"):
        target.exchange(bytes(8))
    with pytest.raises(TargetError, match="47 bytes of entropy: give 48"):
        target.boot(bytes(47), KEYS)
    with pytest.raises(TargetError, match="does not fit"):
        target.write_key_image(bytes(0xB001))
    with pytest.raises(TargetError, match="the clock is a u64"):
        target.set_clock(1 << 64)


def test_a_step_that_executed_nothing_is_made_again(talk: Talk, sound_stub: Handler, firmware: Path) -> None:
    memory = Memory(sound_stub)
    stops = [0, 0, 2, 2]  # how far the core gets in each step it is asked for

    def stepping(command: bytes) -> object:
        if command != b"s":
            return memory(command)
        memory.pc += stops.pop(0)
        return b"S05"

    target = open_on(talk(stepping), firmware)
    target.step()
    assert (memory.pc, stops) == (2, [2])
    target.step()
    assert (memory.pc, stops) == (4, [])
    stops += [0] * 5
    target.step()  # a branch to itself
    assert (memory.pc, stops) == (4, [0])

# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operation leaves behind: two runs that differ in nothing but a secret leave the same memory and registers.

No list of secrets is needed for that: whatever depends on one, be it a round key in dead stack, shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.conformance.dut import AES_KEY_ID, Dut
from harness.conformance.support import granted, noise, refused
from harness.protocol import key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage


def _left_behind(dut: Dut, key: bytes, operate: Callable[[Dut, int], None], seed: int) -> dict[str, bytes]:
    """Boot with this AES key, operate, and return the service's own memory and registers by name."""
    dut.keys.replace(KeyImage((key_image.aes_slot(AES_KEY_ID, key),)))
    dut.clock.set(0)
    dut.boot()
    operate(dut, seed)
    board, machine = dut.emulated.board, dut.machine
    left = {region.name: machine.read(region.base, region.size) for region in (board.stack, board.data, board.bulk)}
    left["registers"] = repr(machine.cpu.registers()).encode()
    return left


def _encrypt(dut: Dut, seed: int) -> None:
    granted(dut.aes_encrypt(AES_KEY_ID, noise(100, seed), b"header"))


def _decrypt(dut: Dut, seed: int) -> None:
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, noise(100, seed))
    granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag))


def _forge(dut: Dut, seed: int) -> None:
    refused(dut.aes_decrypt(AES_KEY_ID, bytes(12), noise(100, seed), bytes(16)), Status.DECRYPTION_FAILED)


@pytest.mark.clause("AES-3")
@pytest.mark.parametrize("operate", [_encrypt, _decrypt, _forge], ids=["encrypt", "decrypt", "forge"])
def test_memory_and_registers_tell_nothing_of_key_and_message(dut: Dut, operate: Callable[[Dut, int], None]) -> None:
    first = _left_behind(dut, noise(32, seed=1), operate, seed=3)
    second = _left_behind(dut, noise(32, seed=2), operate, seed=4)
    for name, memory in first.items():
        other = second[name]
        if memory != other:
            place = next(i for i, (a, b) in enumerate(zip(memory, other, strict=False)) if a != b)
            pytest.fail(f"{name}: depends on key or message from byte {place} on")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Single fetch (IPC-4): each request byte is read once at most, the response area never.

The watch counts the reads of every request of the run; a byte read twice is reported with both instructions, and with
what a client gains who changes it in between.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from harness.analysis.exercise import ENTROPY, ROUNDS, keys
from harness.conformance.dut import Dut
from harness.conformance.support import LONGEST_PLAINTEXT, noise, nonce_number, seal_outside
from harness.default_keys import AES_KEY_ID
from harness.protocol import codec
from harness.protocol.codec import RawRequest


def _judge(dut: Dut) -> None:
    found = [str(finding) for finding in dut.watch.findings if finding.clause == "IPC-4"]
    assert not found, "\n".join([f"{len(found)} findings", *found])


# The window is read before a parameter set matters.
_ROUNDS = {name: play for name, play in ROUNDS.items() if not name.endswith(("-65", "-87", "-768", "-1024"))}


@pytest.mark.clause("IPC-4")
@pytest.mark.parametrize("play", _ROUNDS.values(), ids=_ROUNDS)
def test_nothing_is_read_twice(dut: Dut, play: Callable[[Callable[[bytes], codec.Response]], None]) -> None:
    assert dut.watch
    dut.keys.replace(keys())
    dut.boot(ENTROPY)
    play(dut.exchange)
    _judge(dut)


@pytest.mark.clause("IPC-4")
@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 4096, LONGEST_PLAINTEXT])
@pytest.mark.parametrize("aad", [0, 3])
def test_lengths_that_end_within_a_word(dut: Dut, size: int, aad: int) -> None:
    assert dut.watch
    text = noise(min(size, 65536 - 34 - aad))
    dut.aes_encrypt(AES_KEY_ID, text, noise(aad))
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce_number(size), text, noise(aad))
    dut.aes_decrypt(AES_KEY_ID, nonce_number(size), ciphertext, tag, noise(aad))
    _judge(dut)


@pytest.mark.clause("IPC-4")
def test_requests_of_any_shape(dut: Dut) -> None:
    """Random types, lengths and claims: a refusal reads no byte twice either."""
    assert dut.watch
    random = Random(4)
    for _ in range(300):
        body = random.randbytes(random.choice((0, 1, 3, 4, 5, 17, 18, 34, 100, 3000)))
        claimed = random.choice((len(body), len(body) + 1, random.randrange(70_000), 0xFFFF_FFFF))
        code = random.choice((0x01, 0x02, 0x10, 0x11, 0x20, 0x21, 0x22, 0x7F))
        magic = 0xC7 if random.random() < 0.95 else 0
        dut.exchange(RawRequest(code, body, magic=magic, payload_length=claimed).encode())
    _judge(dut)


@pytest.mark.clause("IPC-4")
@pytest.mark.whole_run
def test_no_request_of_this_run_was_read_twice(dut: Dut) -> None:
    """Whatever the other cases have sent: the reads of each request were counted, and are judged here."""
    _judge(dut)

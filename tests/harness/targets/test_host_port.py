# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of the port, byte for byte, without a gateway."""

import pytest

from harness.protocol.commands import Status
from harness.targets.host_port import SIZE, HostPort, HostPortError, JobCommand, Outcome, Result


def test_a_job_byte_for_byte() -> None:
    memory = bytearray(SIZE)
    port = HostPort(memoryview(memory))
    port.post(JobCommand.SEAL_BEGIN, b"input", key_id=7)
    assert memory[:20] == bytes.fromhex("01000000 00000000 00010000 07000000 05000000")
    assert memory[0x1000:0x1006] == b"input\0"
    with pytest.raises(HostPortError, match="not done"):
        port.take()
    memory[4:8] = memory[0:4]
    memory[20:36] = bytes.fromhex("05000000 04000000 03000000 20000000")
    memory[0x11000:0x11003] = b"out"
    assert port.take() == Outcome(Result.REFUSED, Status.KEY_NOT_FOUND, b"out", 32)


def test_the_doorbell_wraps_round() -> None:
    memory = bytearray(SIZE)
    memory[0:8] = b"\xff" * 8
    port = HostPort(memoryview(memory))
    port.post(JobCommand.SEAL_END)
    assert memory[0:4] == bytes(4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(HostPortError, match="too small"):
        HostPort(memoryview(bytearray(SIZE - 1)))
    with pytest.raises(HostPortError, match="does not fit"):
        HostPort(memoryview(bytearray(SIZE))).post(JobCommand.SEAL_CHUNK, bytes(65537))


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ("0a000000 00000000 00000000 00000000", "10 is not a valid"),
        ("00000000 0a000000 00000000 00000000", "10 is not a valid"),
        ("00000000 00000000 01000100 00000000", "output_length 65537"),
        ("00000000 00000000 00000000 01000100", "wants 65537"),
    ],
)
def test_an_outcome_that_no_gateway_gives(outcome: str, message: str) -> None:
    memory = bytearray(SIZE)
    memory[20:36] = bytes.fromhex(outcome)
    with pytest.raises(HostPortError, match=message):
        HostPort(memoryview(memory)).take()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealing and opening by the gateway's ARM image, job by job through its host port."""

from __future__ import annotations

from typing import Any

import pytest

from harness import sealed_file
from harness.protocol.commands import Status
from harness.targets.host_port import JobCommand, Result

KEY = bytes(range(32))
CHUNK = 61440


def pattern(size: int) -> bytes:
    return bytes(i * 7 % 251 for i in range(size))


def seal(gateway: Any, plaintext: bytes, key_id: int = 7) -> bytes:
    """A whole file, every job of which must succeed."""
    outcomes = [gateway.do(JobCommand.SEAL_BEGIN, key_id=key_id)]
    for start in range(0, len(plaintext), CHUNK):
        outcomes.append(gateway.do(JobCommand.SEAL_CHUNK, plaintext[start : start + CHUNK]))
    outcomes.append(gateway.do(JobCommand.SEAL_END))
    assert {outcome.result for outcome in outcomes} == {Result.OK}
    return b"".join(outcome.output for outcome in outcomes)


def open_(gateway: Any, sealed: bytes) -> tuple[Result, bytes]:
    """The last job's result, and what came out."""
    outcome = gateway.do(JobCommand.OPEN_BEGIN)
    plaintext, position = b"", 0
    while outcome.wants:
        piece = sealed[position : position + outcome.wants]
        position += len(piece)
        outcome = gateway.do(JobCommand.OPEN_NEXT, piece)
        plaintext += outcome.output
    return gateway.do(JobCommand.OPEN_END, sealed[position:][:1]).result, plaintext


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_round_trip_and_against_the_independent_implementation(gateway: Any, size: int) -> None:
    sealed = seal(gateway, pattern(size))
    assert sealed_file.open_sealed(KEY, sealed) == pattern(size)
    assert open_(gateway, sealed) == (Result.OK, pattern(size))
    assert open_(gateway, sealed_file.seal(KEY, 7, pattern(size))) == (Result.OK, pattern(size))
    assert gateway.window_clean


def test_manipulated_files_are_not_opened(gateway: Any) -> None:
    sealed = sealed_file.seal(KEY, 7, pattern(CHUNK + 100))
    border = 12 + 32 + CHUNK
    altered = bytearray(sealed)
    altered[border + 40] ^= 1
    cases = [
        (sealed[:border], Result.TRUNCATED),
        (sealed[:-1], Result.TRUNCATED),
        (bytes(altered), Result.NOT_AUTHENTIC),
        (b"HILX" + sealed[4:], Result.BAD_FORMAT),
        (sealed[:8] + b"\x09" + sealed[9:], Result.REFUSED),
        (sealed + b"x", Result.TRAILING_DATA),
    ]
    for case, (file, result) in enumerate(cases):
        gateway.model.boot(bytes([case + 1]) * 48, gateway.model.model.key_image)
        assert open_(gateway, file)[0] is result


def test_a_burst_waits_by_the_kernels_clock(gateway: Any) -> None:
    """Rate limited after 100 requests: one wait of 100 ms, written into the control page."""
    gateway.pace = 0
    for _ in range(101):
        seal(gateway, b"")
    assert gateway.wakes == [100_000]
    assert gateway.now == 100_000


def test_five_refusals_take_one_and_a_half_seconds(gateway: Any) -> None:
    gateway.answer = lambda request: bytes.fromhex("c801070000000000")
    gateway.do(JobCommand.SEAL_BEGIN, key_id=7)
    outcome = gateway.do(JobCommand.SEAL_END)
    assert (outcome.result, outcome.status) == (Result.REFUSED, Status.RATE_LIMITED)
    assert len(gateway.requests) == 5
    assert gateway.wakes == [100_000, 200_000, 400_000, 800_000]


def test_a_service_that_has_stopped_does_not_stop_the_gateway(gateway: Any) -> None:
    gateway.answer = lambda request: None
    gateway.do(JobCommand.SEAL_BEGIN, key_id=7)
    assert gateway.do(JobCommand.SEAL_END).result is Result.NO_ANSWER
    assert gateway.wakes == [60_000_000]
    assert gateway.window_clean
    gateway.answer = gateway.ask_model
    assert open_(gateway, seal(gateway, b"text")) == (Result.OK, b"text")


def test_jobs_out_of_order_are_bad_arguments(gateway: Any) -> None:
    assert gateway.do(JobCommand.SEAL_CHUNK, b"text").result is Result.BAD_ARGUMENT
    assert gateway.do(JobCommand.SEAL_END).result is Result.BAD_ARGUMENT
    assert gateway.do(JobCommand.OPEN_END).result is Result.TRUNCATED
    assert gateway.do(0x7777).result is Result.BAD_ARGUMENT
    assert gateway.requests == []


def test_an_input_length_beyond_the_area_is_a_bad_argument(gateway: Any) -> None:
    for length in (65537, 0xFFFF_FFFF):
        gateway.host_port.memory[8:20] = b"".join(
            value.to_bytes(4, "little") for value in (JobCommand.SEAL_CHUNK, 7, length)
        )
        outcome = gateway.ring()
        assert (outcome.result, outcome.output) == (Result.BAD_ARGUMENT, b"")


def test_nothing_of_an_output_or_input_stays_behind(gateway: Any) -> None:
    gateway.do(JobCommand.SEAL_BEGIN, key_id=7)
    plaintext = b"plaintext!" * 3000
    sealed = sealed_file.seal(KEY, 7, plaintext)
    assert open_(gateway, sealed) == (Result.OK, plaintext)
    for region in gateway.system.board.gateway.image_ram:
        assert b"plaintext!" not in gateway.system.read(region.base, region.size)
    assert not any(gateway.host_port.memory[0x11000:])
    assert gateway.window_clean

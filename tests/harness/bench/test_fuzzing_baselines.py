# SPDX-License-Identifier: GPL-2.0-or-later
"""The baselines do what they are timed for; no speed is asserted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.bench.fuzzing_baselines import (
    AES_64,
    ENTROPY,
    KEYS,
    REFUSED,
    FuzzingRate,
    PythonHookFuzzer,
    native_libfuzzer_rate,
    python_hook_rate,
)
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.base import TargetError
from harness.targets.model import ModelTarget
from harness.targets.opening import default_native

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def library() -> Path:
    """The native build with coverage."""
    subprocess.run(["make", "-s", "-C", PROJECT / "firmware", "native", "HOST_COVERAGE=1"], check=True)
    return default_native("coverage")


def test_executions_a_second() -> None:
    assert FuzzingRate(30, 1.5, 0).per_second == 20


@pytest.mark.parametrize("sparing", [False, True], ids=["straightforward", "sparing"])
@pytest.mark.parametrize("request_bytes", [*REFUSED, *AES_64], ids=["bad magic", "unknown type", "AES"])
def test_the_python_hook_fuzzer_starts_each_execution_from_the_same_state(
    firmware: Path, request_bytes: bytes, sparing: bool
) -> None:
    model = ModelTarget()
    model.boot(ENTROPY, KEYS)
    expected = codec.encode_response(model.exchange(request_bytes))
    fuzzer = PythonHookFuzzer(firmware, "an386", sparing)
    novel = []
    for _ in range(120):  # more than the rate limiter lets through
        novel.append(fuzzer.execute(request_bytes))
        assert fuzzer.response == expected
    assert novel[0]
    assert not any(novel[1:])


def test_the_requests_are_what_they_are_called() -> None:
    model = ModelTarget()
    model.boot(ENTROPY, KEYS)
    assert [model.exchange(request).status for request in (*REFUSED, *AES_64)] == [
        Status.INVALID_HEADER,
        Status.INVALID_TYPE,
        Status.SUCCESS,
    ]


def test_the_python_hook_fuzzer_sees_more_of_a_request_that_goes_deeper(firmware: Path) -> None:
    refused, encrypted = (python_hook_rate(firmware, "an386", requests, 4) for requests in (REFUSED, AES_64))
    assert (refused.executions, encrypted.executions) == (4, 4)
    assert 0 < refused.edges * 2 < encrypted.edges
    assert refused.seconds > 0


def test_libfuzzer_sees_more_of_a_request_that_goes_deeper(library: Path) -> None:
    refused, encrypted = (native_libfuzzer_rate(library, requests, 1) for requests in (REFUSED, AES_64))
    assert 0 < refused.edges * 2 < encrypted.edges
    assert min(refused.executions, encrypted.executions, refused.seconds) > 0


def test_a_library_without_coverage_is_refused() -> None:
    with pytest.raises(TargetError, match="undefined symbol: fuzz_add_request"):
        native_libfuzzer_rate(default_native(), REFUSED, 1)


def test_a_request_without_room_for_an_input_is_refused(library: Path) -> None:
    with pytest.raises(TargetError, match="a request of 63 bytes"):
        native_libfuzzer_rate(library, [bytes(63)], 1)

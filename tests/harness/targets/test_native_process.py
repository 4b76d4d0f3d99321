# SPDX-License-Identifier: GPL-2.0-or-later
"""A service that misbehaves in its process: every defect is a result, and the next boot starts over."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.differential.session import run_diff
from harness.protocol import codec, key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage
from harness.targets.base import TargetError, TargetStopped
from harness.targets.model import ModelTarget
from harness.targets.native import NativeTarget
from harness.targets.native_process import BOOT, NativeProcess
from harness.targets.opening import default_native

Misbehaving = Callable[[str], Path]

ENTROPY = bytes(range(48))
KEYS = KeyImage((key_image.aes_slot(1, bytes(32)),)).build()
SOUND = codec.aes_encrypt(1, b"", bytes(100))
# As in misbehaviour.c: lengths of the plaintext.
NULL, LOOP, EXIT, ABORT, WAIT, OVERFLOW, SHIFT, BRANCH, LEAK = (
    codec.aes_encrypt(1, b"", bytes(n)) for n in range(1, 10)
)


@contextmanager
def booted(library: Path, **limits: float) -> Iterator[NativeTarget]:
    target = NativeTarget(library, **limits)  # type: ignore[arg-type]
    try:
        target.boot(ENTROPY, KEYS)
        yield target
    finally:
        target.close()


def stop(target: NativeTarget, request: bytes) -> str:
    """How a request ends; the service has to be there again after the next boot."""
    with pytest.raises(TargetStopped) as caught:
        target.exchange(request)
    with pytest.raises(TargetStopped):
        target.exchange(SOUND)
    target.boot(ENTROPY, KEYS)
    assert target.exchange(SOUND).status is Status.SUCCESS
    return caught.value.description


@pytest.mark.parametrize(
    ("request_", "words"),
    [(NULL, "ended by SIGSEGV"), (ABORT, "ended by SIGABRT"), (EXIT, "ended with status 3")],
    ids=["null", "abort", "exit"],
)
def test_a_crash_is_told_by_its_signal(misbehaving: Misbehaving, request_: bytes, words: str) -> None:
    with booted(misbehaving("")) as target:
        assert stop(target, request_) == words


def test_a_hang_is_ended_by_the_time_that_it_computes(misbehaving: Misbehaving) -> None:
    with booted(misbehaving(""), processor_seconds=1) as target:
        assert stop(target, LOOP) == "no answer within 1 s of processor time"


def test_waiting_for_nothing_is_ended_too(misbehaving: Misbehaving) -> None:
    with booted(misbehaving(""), patience=0.5) as target:
        assert stop(target, WAIT).startswith("no answer within 0.5 s")


@pytest.mark.parametrize("request_", [OVERFLOW, SHIFT, BRANCH, LEAK], ids=["overflow", "shift", "branch", "leak"])
def test_what_only_a_sanitizer_sees_is_answered_without(misbehaving: Misbehaving, request_: bytes) -> None:
    """Else it would not be the sanitizer that finds it below."""
    with booted(misbehaving("")) as target:
        assert target.exchange(request_).status is Status.SUCCESS


@pytest.mark.parametrize(
    ("variant", "request_", "head", "text"),
    [
        (
            "sanitized",
            OVERFLOW,
            "AddressSanitizer: global-buffer-overflow in planted_misbehave service/aes_encrypt.c",
            "planted_table",
        ),
        ("sanitized", NULL, "AddressSanitizer: SEGV in planted_misbehave service/aes_encrypt.c", "WRITE"),
        (
            "sanitized",
            SHIFT,
            "UndefinedBehaviorSanitizer: shift exponent 32 is too large for 32-bit type",
            "aes_encrypt_operate",
        ),
        ("memory", BRANCH, "MemorySanitizer: use-of-uninitialized-value in planted_misbehave", "planted_unset"),
        ("memory", LEAK, "MemorySanitizer: use-of-uninitialized-value in check_response", "planted_unset"),
    ],
    ids=["overflow", "null", "shift", "branch", "leak"],
)
def test_a_sanitizer_speaks(misbehaving: Misbehaving, variant: str, request_: bytes, head: str, text: str) -> None:
    with booted(misbehaving(variant)) as target:
        report = stop(target, request_)
    assert report.splitlines()[0].startswith(head)
    assert text in report
    assert "==" not in report  # process numbers, which are others the next time


def test_a_stop_is_a_difference_to_the_model_and_is_shortened(misbehaving: Misbehaving) -> None:
    target = NativeTarget(misbehaving("sanitized"))
    result = run_diff(ModelTarget(), target, 500, seed=1)
    target.close()
    assert result.first is not None
    assert result.first.verdict.startswith("stopped: ")
    assert len(result.first.actions) == 1


def test_a_process_that_ends_between_two_commands_is_started_anew() -> None:
    with booted(default_native()) as target:
        state = target.snapshot()
        target._process._kill()
        with pytest.raises(TargetError, match="boot again"):
            target.restore(state)
        target.boot(ENTROPY, KEYS)
        assert target.exchange(SOUND).status is Status.SUCCESS
        with pytest.raises(TargetError, match="boot again"):
            target.restore(state)


def test_a_library_needs_a_runner_beside_it(tmp_path: Path) -> None:
    library = shutil.copy(default_native(), tmp_path)
    with pytest.raises(TargetError, match=r"runner: No such file.*make firmware"):
        NativeProcess(Path(library))


def test_closing_twice_does_no_harm() -> None:
    process = NativeProcess(default_native())
    process.do(BOOT)
    assert not process.ended
    process.close()
    process.close()
    assert process.ended

# SPDX-License-Identifier: GPL-2.0-or-later
"""The native target on the library that `make firmware` has built, with the model beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.differential.session import run_diff
from harness.protocol import codec, key_image
from harness.protocol.commands import KEY_STORAGE_SIZE, Status
from harness.protocol.key_image import KeyImage
from harness.targets.base import TargetError
from harness.targets.model import ModelTarget
from harness.targets.native import NativeTarget
from harness.targets.opening import default_native

ENTROPY = bytes(range(48))
KEYS = KeyImage((key_image.aes_slot(1, bytes(32)),)).build()
ENCRYPT = codec.aes_encrypt(1, b"aad", b"text")


@pytest.fixture
def native() -> Iterator[NativeTarget]:
    """Booted."""
    target = NativeTarget(default_native())
    target.boot(ENTROPY, KEYS)
    yield target
    target.close()


def test_random_sequences_are_answered_as_the_model_answers_them(native: NativeTarget) -> None:
    result = run_diff(ModelTarget(), native, 600, seed=5)
    assert result.first is None
    assert result.requests == 600


def test_a_boot_forgets_everything(native: NativeTarget) -> None:
    sealed = native.exchange(ENCRYPT).payload
    opening = codec.aes_decrypt(1, sealed[:12], b"aad", sealed[12:-16], sealed[-16:])
    statuses = [native.exchange(opening).status for _ in range(2)]
    assert statuses == [Status.SUCCESS, Status.NONCE_REUSE]
    native.boot(ENTROPY, KEYS)
    assert native.exchange(ENCRYPT).payload == sealed
    assert native.exchange(opening).status is Status.SUCCESS
    native.boot(bytes(reversed(ENTROPY)), KEYS)
    assert native.exchange(ENCRYPT).payload != sealed


def test_a_boot_keeps_the_clock_and_empties_the_window(native: NativeTarget) -> None:
    for _ in range(100):
        native.exchange(ENCRYPT)
    assert native.exchange(ENCRYPT).status is Status.RATE_LIMITED
    native.set_clock(100_000)
    native.boot(ENTROPY, KEYS)
    assert not any(native.window.memory)
    native.set_clock(0)
    assert [native.exchange(ENCRYPT).status for _ in range(101)][99:] == [Status.SUCCESS, Status.RATE_LIMITED]
    native.set_clock(99_999)
    assert native.exchange(ENCRYPT).status is Status.RATE_LIMITED


def test_no_entropy_is_no_reason_to_stop(native: NativeTarget) -> None:
    native.boot(bytes(48), KEYS)
    assert native.exchange(ENCRYPT).status is Status.CRYPTO_ERROR


def test_the_key_storage_is_the_written_one(native: NativeTarget) -> None:
    native.write_key_image(b"")
    assert native.exchange(ENCRYPT).status is Status.KEY_NOT_FOUND
    native.write_key_image(KEYS)
    assert native.exchange(ENCRYPT).status is Status.SUCCESS


def test_a_snapshot_holds_clock_and_keys_and_what_the_service_knows(native: NativeTarget) -> None:
    native.set_clock(7_000)
    state = native.snapshot()
    first = [native.exchange(ENCRYPT) for _ in range(2)]
    native.write_key_image(b"")
    native.boot(bytes(48), b"")
    native.restore(state)
    assert [native.exchange(ENCRYPT) for _ in range(2)] == first
    native.restore(state)
    assert [native.exchange(ENCRYPT).status for _ in range(101)][100] is Status.RATE_LIMITED


def test_two_targets_share_nothing(native: NativeTarget) -> None:
    other = NativeTarget(default_native())
    other.boot(ENTROPY, b"")
    answers = [(native.exchange(ENCRYPT).status, other.exchange(ENCRYPT).status) for _ in range(2)]
    assert answers == [(Status.SUCCESS, Status.KEY_NOT_FOUND)] * 2
    other.close()
    assert native.exchange(ENCRYPT).status is Status.SUCCESS


def test_what_does_not_fit_is_refused(native: NativeTarget) -> None:
    with pytest.raises(TargetError, match="u64"):
        native.set_clock(1 << 64)
    with pytest.raises(TargetError, match="does not fit"):
        native.write_key_image(bytes(KEY_STORAGE_SIZE + 1))
    with pytest.raises(TargetError, match="give 48"):
        native.boot(bytes(47), KEYS)


def test_before_boot_and_behind_close_it_says_so() -> None:
    target = NativeTarget(default_native())
    with pytest.raises(TargetError, match="boot"):
        target.exchange(ENCRYPT)
    with pytest.raises(TargetError, match="boot"):
        target.snapshot()
    window = target.window
    target.close()
    target.close()
    with pytest.raises(TargetError, match="closed"):
        target.boot(ENTROPY, KEYS)
    with pytest.raises(TargetError, match="boot"):
        target.exchange(ENCRYPT)
    with pytest.raises(ValueError, match="released"):
        window.response_area[0]


def test_another_file_is_refused(firmware: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "libservice.so"
    stranger.write_bytes(b"no library")
    for path in (firmware, stranger):
        with pytest.raises(TargetError, match="make firmware"):
            NativeTarget(path)

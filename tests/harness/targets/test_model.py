# SPDX-License-Identifier: GPL-2.0-or-later
"""The model as a target, and that it has the interface of one."""

import pytest

from harness.protocol import codec
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, aes_slot
from harness.targets.base import SnapshotTarget, TargetError
from harness.targets.model import ModelTarget

ENTROPY = bytes(range(48))
IMAGE = KeyImage((aes_slot(1, bytes(32)),)).build()
REQUEST = codec.aes_encrypt(1, b"", b"x")


@pytest.fixture
def target() -> ModelTarget:
    target = ModelTarget()
    target.boot(ENTROPY, IMAGE)
    return target


def test_is_a_snapshot_target(target: ModelTarget) -> None:
    same: SnapshotTarget = target
    assert same.name == "model"
    assert same.capabilities == {"clock", "reset", "snapshot"}


def test_clock_decides(target: ModelTarget) -> None:
    assert [target.exchange(REQUEST).status for _ in range(101)] == [Status.SUCCESS] * 100 + [Status.RATE_LIMITED]
    target.set_clock(99_999)
    assert target.exchange(REQUEST).status == Status.RATE_LIMITED
    target.set_clock(100_000)
    assert target.exchange(REQUEST).status == Status.SUCCESS


def test_boot_starts_afresh(target: ModelTarget) -> None:
    first = target.exchange(REQUEST)
    assert target.exchange(REQUEST) != first
    target.boot(ENTROPY, IMAGE)
    assert target.exchange(REQUEST) == first


def test_key_image_is_written(target: ModelTarget) -> None:
    target.write_key_image(b"")
    assert target.exchange(REQUEST).status == Status.KEY_NOT_FOUND


def test_snapshot_holds_clock_and_storage(target: ModelTarget) -> None:
    target.set_clock(5)
    state = target.snapshot()
    answer = target.exchange(REQUEST)
    target.set_clock(0)
    target.write_key_image(b"")
    target.restore(state)
    assert target.exchange(REQUEST) == answer


def test_mistakes_of_the_host(target: ModelTarget) -> None:
    with pytest.raises(TargetError, match="u64"):
        target.set_clock(1 << 64)
    with pytest.raises(TargetError, match="65545 bytes"):
        target.exchange(bytes(65545))
    with pytest.raises(TargetError, match="45057 bytes"):
        target.write_key_image(bytes(0xB001))
    with pytest.raises(TargetError, match="48 bytes"):
        target.boot(b"", IMAGE)
    target.close()
    target.close()
    with pytest.raises(TargetError, match="boot"):
        target.exchange(REQUEST)

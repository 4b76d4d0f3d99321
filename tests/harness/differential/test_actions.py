# SPDX-License-Identifier: GPL-2.0-or-later
"""Actions do the same to two targets."""

from harness.compare import Match, Mismatch
from harness.differential.actions import Exchange, SetClock, Start, WriteKeys, apply, boot
from harness.protocol import codec, key_image
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage
from harness.targets.model import ModelTarget

START = Start(bytes(range(48)), KeyImage((key_image.aes_slot(1, bytes(32)),)).build())
ENCRYPT = Exchange(codec.aes_encrypt(1, b"", b"text"))


def test_both_targets_get_every_action() -> None:
    left, right = ModelTarget(), ModelTarget()
    boot(START, left, right)
    for action in (SetClock(5), WriteKeys(START.key_image, "same"), ENCRYPT):
        _, verdict = apply(action, left, right)
        assert verdict == Match()
    assert left.exchange(ENCRYPT.request) == right.exchange(ENCRYPT.request)


def test_a_difference_is_a_verdict() -> None:
    left, right = ModelTarget(), ModelTarget()
    boot(START, left, right)
    right.write_key_image(b"")
    response, verdict = apply(ENCRYPT, left, right)
    assert response is not None
    assert verdict == Mismatch("status", Status.SUCCESS, Status.KEY_NOT_FOUND)


def test_actions_can_be_read() -> None:
    assert str(SetClock(5)) == "clock 5 us"
    assert str(WriteKeys(b"", "key 1 rotated")) == "key storage: key 1 rotated"
    assert str(Exchange(b"\xc7" * 100)).startswith("exchange 100 bytes: c7c7")

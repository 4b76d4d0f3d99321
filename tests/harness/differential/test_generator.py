# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator draws sequences that a service can be booted with and sent."""

from itertools import islice

from harness.differential.actions import Exchange, SetClock
from harness.differential.generator import Generator
from harness.protocol.commands import AREA_SIZE
from harness.protocol.key_image import KeyImage


def test_an_episode_starts_from_sound_keys() -> None:
    for episode in range(20):
        start = Generator(1, episode).start
        assert len(start.entropy) == 48
        KeyImage.parse(start.key_image)


def test_requests_fit_the_area_and_time_is_not_negative() -> None:
    for action in islice(Generator(2, 0).actions(), 3000):
        if isinstance(action, Exchange):
            assert len(action.request) <= AREA_SIZE
        if isinstance(action, SetClock):
            assert 0 <= action.now < 1 << 64


def test_episodes_differ() -> None:
    first, second = (tuple(islice(Generator(1, episode).actions(), 20)) for episode in (0, 1))
    assert first != second

# SPDX-License-Identifier: GPL-2.0-or-later
"""The sampler attributes time to the part of the program that spends it."""

import time

from harness.model.siphash import siphash24_128
from harness.sampling import Sampler


def busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        siphash24_128(bytes(16), bytes(5000))


def test_shares_add_up_and_name_the_spender() -> None:
    with Sampler() as sampler:
        busy(0.5)
    shares = sampler.shares()
    assert set(shares) == {"emulator", "model", "harness"}
    assert abs(sum(shares.values()) - 1) < 1e-9
    assert shares["model"] > shares["harness"]


def test_nothing_sampled_is_nothing_shared() -> None:
    assert set(Sampler().shares().values()) == {0.0}

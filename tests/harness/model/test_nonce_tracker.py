# SPDX-License-Identifier: GPL-2.0-or-later
"""The Bloom filter: its bits as the contract defines them, its rules, its snapshots."""

from hypothesis import given
from hypothesis import strategies as st

from harness.model.nonce_tracker import NonceTracker, filter_indexes

KEY = bytes(range(16))
NONCES = st.binary(min_size=12, max_size=12)


def test_indexes_of_a_published_hash() -> None:
    """The hash of 00 01 ... 0b under 00 01 ... 0f is d626b266905ef358 82634df68532c125 (SipHash's own vectors)."""
    h1, h2 = 0xB226D6, 0x4D6382  # what is left modulo 2^24
    assert filter_indexes(KEY, bytes(range(12))) == [(h1 + i * h2) % (1 << 24) for i in range(11)]


@given(st.lists(NONCES, max_size=20))
def test_bits_and_answers(nonces: list[bytes]) -> None:
    tracker, expected = NonceTracker(), set[int]()
    for nonce in nonces:
        indexes = filter_indexes(KEY, nonce)
        assert tracker.refuses(indexes) == expected.issuperset(indexes)
        tracker.record(indexes)
        expected.update(indexes)
        assert tracker.refuses(indexes)
    bits = tracker.bits()
    assert len(bits) == 1 << 21
    assert int.from_bytes(bits).bit_count() == len(expected)
    assert all(bits[b // 8] >> b % 8 & 1 for b in expected)


def test_no_false_negative() -> None:
    tracker = NonceTracker()
    recorded = [filter_indexes(KEY, i.to_bytes(12, "little")) for i in range(2000)]
    for indexes in recorded:
        tracker.record(indexes)
    assert all(tracker.refuses(indexes) for indexes in recorded)
    fresh = [filter_indexes(KEY, i.to_bytes(12, "big")) for i in range(1, 2000)]
    assert not any(tracker.refuses(indexes) for indexes in fresh)


def test_full_window_refuses_everything() -> None:
    tracker = NonceTracker()
    indexes = filter_indexes(KEY, bytes(12))
    tracker.recorded = 999_999
    assert not tracker.refuses(indexes)
    tracker.record(indexes)
    assert tracker.recorded == 1_000_000
    assert tracker.refuses(filter_indexes(KEY, bytes([1] * 12)))


def test_one_missing_bit_is_enough() -> None:
    tracker = NonceTracker()
    indexes = filter_indexes(KEY, bytes(12))
    tracker.record(indexes[:-1])
    assert not tracker.refuses(indexes)


@given(st.lists(st.tuples(st.booleans(), NONCES, st.integers(0, 5)), max_size=30))
def test_snapshots_are_independent(steps: list[tuple[bool, bytes, int]]) -> None:
    """Any snapshot can be restored at any time, in any order, however the tracker was written to since."""
    tracker = NonceTracker()
    recorded: frozenset[bytes] = frozenset()
    saved = [(tracker.snapshot(), tracker.bits(), recorded)]
    seen: set[bytes] = set()
    for save, nonce, index in steps:
        tracker.record(filter_indexes(KEY, nonce))
        recorded |= {nonce}
        seen.add(nonce)
        if save:
            saved.append((tracker.snapshot(), tracker.bits(), recorded))
        else:
            state, bits, recorded = saved[index % len(saved)]
            tracker.restore(state)
            assert tracker.bits() == bits
        assert {nonce for nonce in seen if tracker.refuses(filter_indexes(KEY, nonce))} == recorded

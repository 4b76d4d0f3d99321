# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison sees leaks: here of functions that are not constant time and need not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.analysis.constant_time import CASES, Bench, Case, analyze, compare
from harness.analysis.error import AnalysisError
from harness.analysis.exercise import noise


@pytest.fixture
def bench(firmware: Path) -> Iterator[Bench]:
    made = Bench(firmware)
    yield made
    made.close()


def sampled(bench: Bench, variant: int) -> Callable[[], object]:
    """Rejection sampling of a public matrix."""
    out, seed = bench.buffer(1024), bench.buffer(noise(f"rho {variant}", 32))
    return lambda: bench.calls.call("mlkem_sample_ntt", out, seed, 0, 0)


def placed(bench: Bench, variant: int) -> Callable[[], object]:
    target = bench.buffer(64)
    return lambda: bench.calls.call("memset", target.address + 4 * variant, 0, 32)


def test_a_branch_is_told_with_its_place(bench: Bench) -> None:
    made = compare(bench, Case("sampling", "rho", ("mlkem_sample_ntt",), sampled))
    assert "mlkem_sample" in made.difference
    finding = made.finding()
    assert finding is not None
    assert (finding.clause, finding.request) == ("SEC-2", "sampling")


def test_an_address_is_told_with_its_instruction(bench: Bench) -> None:
    made = compare(bench, Case("fill", "place", ("memset",), placed))
    assert made.difference.startswith("an address: memset")


def test_what_is_muted_is_not_seen(bench: Bench) -> None:
    made = compare(bench, Case("sampling", "rho", (), sampled, ("mlkem_sample_ntt", "no_such_function")))
    assert (made.difference, made.muted) == ("", ("mlkem_sample_ntt",))


def test_a_missing_function_is_skipped_and_none_at_all_is_told(bench: Bench) -> None:
    missing = Case("other", "key", ("other_cipher",), sampled)
    assert compare(bench, missing).skipped == "the image has no other_cipher"
    with pytest.raises(AnalysisError, match="none of the functions"):
        analyze(bench, [missing])


def test_the_cipher_is_constant_time(bench: Bench) -> None:
    done: list[int] = []
    made = analyze(bench, CASES[:6], lambda n, _total: done.append(n))
    assert [comparison.difference for comparison in made] == [""] * 6
    assert done == [1, 2, 3, 4, 5, 6]
    assert made[0].as_json()["operation"] == "AES-256-GCM encrypt"

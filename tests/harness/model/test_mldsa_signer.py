# SPDX-License-Identifier: GPL-2.0-or-later
"""The signer against dilithium-py, and against Wycheproof's boundary cases that start from the representative mu."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import mldsa_signer as signer

Case = dict[str, bytes]
PEERS = {44: ML_DSA_44, 65: ML_DSA_65, 87: ML_DSA_87}
parameter_sets = pytest.mark.parametrize("parameter_set", [44, 65, 87])


@parameter_sets
@settings(max_examples=8, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), data=st.data())
def test_signature_is_dilithium_pys(parameter_set: int, seed: bytes, data: st.DataObject) -> None:
    peer: Any = PEERS[parameter_set]
    key = signer.expand_key(parameter_set, seed)
    public_key, secret_key = peer.key_derive(seed)
    assert key.public_key == public_key
    rnd = data.draw(st.binary(min_size=32, max_size=32))
    context, message = data.draw(st.binary(max_size=255)), data.draw(st.binary(max_size=300))
    expected = peer._sign_internal(secret_key, bytes([0, len(context)]) + context + message, rnd)
    assert signer.sign(key, context, message, rnd) == expected


@parameter_sets
def test_boundary_cases_from_mu(parameter_set: int, wycheproof: Callable[[str], list[Case]]) -> None:
    """Signatures that take many rounds, or in which a bound is just kept; test_mldsa.py has those from messages."""
    cases = [c for c in wycheproof(f"mldsa_{parameter_set}_sign_seed_test.json") if "mu" in c and "msg" not in c]
    for case in cases:
        key = signer.expand_key(parameter_set, case["privateSeed"])
        assert signer.sign_mu(key, case["mu"], case.get("rnd", bytes(32))) == case["sig"], case["id"]
    assert len(cases) >= 8


@pytest.mark.parametrize(
    ("packing", "largest"), [(signer.Packing(16, "H"), 0x7FFF), (signer.Packing(32, "I"), 1 << 30)]
)
def test_packed_product(packing: signer.Packing, largest: int) -> None:
    """X^i times a polynomial turns it round by i places, with the sign of what passes the end changed."""
    generator = random.Random(1)
    polynomial = [generator.choice((-largest, -1, 0, 1, largest)) for _ in range(256)]
    packed = packing.pack(polynomial)
    for i in (0, 1, 128, 255):
        monomial = packing.pack([int(j == i) for j in range(256)])
        turned = [-c for c in polynomial[256 - i :]] + polynomial[: 256 - i]
        assert packing.product(packed, monomial) == turned
    assert packing.product(packed, packing.pack([-1] + [0] * 255)) == [-c for c in polynomial]


def test_parameters() -> None:
    """Derived values as table 1 of FIPS 204 states them."""
    assert [(p.gamma1, p.beta, p.high_values) for p in signer.PARAMETERS.values()] == [
        (1 << 17, 78, 44),
        (1 << 19, 196, 16),
        (1 << 19, 120, 16),
    ]

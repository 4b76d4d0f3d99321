# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-KEM's references: published vectors, key check, implicit rejection, and what happens when they differ."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from hashlib import shake_256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import ModelError, mlkem
from harness.model.reference import ReferenceDisagreement

Case = dict[str, bytes]
Reader = Callable[[str], list[Case]]

D, Z, M = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))

parameter_sets = pytest.mark.parametrize("parameter_set", mlkem.PARAMETER_SETS)


def check_known_answers(parameter_set: int, cases: Sequence[Case]) -> None:
    for case in cases:
        encapsulation_key, key = mlkem.keygen(parameter_set, case["d"], case["z"])
        assert encapsulation_key == key.encapsulation_key == case["pk"]
        assert key.encoded == case["sk"]
        assert mlkem.encapsulate(encapsulation_key, case["msg"]) == (case["ct"], case["ss"])
        assert mlkem.decapsulate(key, case["ct"]) == case["ss"]
        assert mlkem.decapsulate(key, case["ct_n"]) == case["ss_n"]  # a ciphertext to be rejected


@parameter_sets
def test_known_answers(parameter_set: int, known_answers: Reader) -> None:
    check_known_answers(parameter_set, known_answers(f"asymmetric/MLKEM/kat_MLKEM_{parameter_set}.rsp")[:25])


@pytest.mark.slow
@parameter_sets
def test_all_known_answers(parameter_set: int, known_answers: Reader) -> None:
    check_known_answers(parameter_set, known_answers(f"asymmetric/MLKEM/kat_MLKEM_{parameter_set}.rsp")[25:])


@parameter_sets
def test_wycheproof_keygen(parameter_set: int, wycheproof: Reader) -> None:
    for case in wycheproof(f"mlkem_{parameter_set}_keygen_seed_test.json"):
        encapsulation_key, key = mlkem.keygen(parameter_set, case["seed"][:32], case["seed"][32:])
        assert encapsulation_key == case["ek"], case["id"]
        assert key.encoded == case["dk"], case["id"]


@parameter_sets
def test_wycheproof_encapsulation(parameter_set: int, wycheproof: Reader) -> None:
    """With keys of wrong length, of coefficients that are not below q, and of seeds that sample badly."""
    for case in wycheproof(f"mlkem_{parameter_set}_encaps_test.json"):
        valid = bool(case["valid"])
        assert mlkem.encapsulation_key_is_valid(case["ek"]) == valid, case["id"]
        if valid:
            assert mlkem.encapsulate(case["ek"], case["m"]) == (case["c"], case["K"]), case["id"]
        else:
            with pytest.raises(ModelError, match=r"section 7\.2"):
                mlkem.encapsulate(case["ek"], case["m"])


@parameter_sets
def test_wycheproof_decapsulation(parameter_set: int, wycheproof: Reader) -> None:
    """With seeds and ciphertexts of wrong length, with random and with altered ciphertexts."""
    for case in wycheproof(f"mlkem_{parameter_set}_test.json"):
        seed = case["seed"]
        if case["valid"]:
            encapsulation_key, key = mlkem.keygen(parameter_set, seed[:32], seed[32:])
            assert encapsulation_key == case.get("ek", encapsulation_key), case["id"]
            assert mlkem.decapsulate(key, case["c"]) == case["K"], case["id"]
        else:
            with pytest.raises(ModelError, match=r"^(d|z|ciphertext) has \d+ bytes: give \d+$"):
                mlkem.decapsulate(mlkem.keygen(parameter_set, seed[:32], seed[32:])[1], case["c"])


@parameter_sets
def test_sizes(parameter_set: int) -> None:
    encapsulation_key, _ = mlkem.keygen(parameter_set, D, Z)
    assert len(encapsulation_key) == mlkem.ENCAPSULATION_KEY_SIZES[parameter_set]
    assert mlkem.parameter_set_of_length(len(encapsulation_key)) == parameter_set
    ciphertext, secret = mlkem.encapsulate(encapsulation_key, M)
    assert len(ciphertext) == mlkem.CIPHERTEXT_SIZES[parameter_set]
    assert len(secret) == 32


@pytest.mark.parametrize("length", [0, 1, 799, 801, 1183, 1185, 1567, 1569, 65536])
def test_other_lengths_belong_to_no_parameter_set(length: int) -> None:
    assert mlkem.parameter_set_of_length(length) is None
    assert not mlkem.encapsulation_key_is_valid(bytes(length))


# ---- the encapsulation key check ----


def with_coefficient(encapsulation_key: bytes, index: int, value: int) -> bytes:
    """The key with one of its 12-bit coefficients set to `value`."""
    shift = 12 * index
    number = int.from_bytes(encapsulation_key, "little") & ~(0xFFF << shift) | value << shift
    return number.to_bytes(len(encapsulation_key), "little")


@parameter_sets
@pytest.mark.parametrize("place", ["first", "second", "middle", "last"])
@pytest.mark.parametrize(("value", "valid"), [(0, True), (3328, True), (3329, False), (3330, False), (4095, False)])
def test_encapsulation_key_check(parameter_set: int, place: str, value: int, valid: bool) -> None:
    coefficients = parameter_set  # 256 k of them
    index = {"first": 0, "second": 1, "middle": coefficients // 2, "last": coefficients - 1}[place]
    key = with_coefficient(mlkem.keygen(parameter_set, D, Z)[0], index, value)
    assert mlkem.encapsulation_key_is_valid(key) == valid
    if valid:
        mlkem.encapsulate(key, M)
    else:
        with pytest.raises(ModelError, match="fails the check"):
            mlkem.encapsulate(key, M)


@parameter_sets
def test_any_matrix_seed_is_valid(parameter_set: int) -> None:
    key = mlkem.keygen(parameter_set, D, Z)[0][:-32] + b"\xff" * 32
    assert mlkem.encapsulation_key_is_valid(key)
    mlkem.encapsulate(key, M)


# ---- decapsulation ----


@parameter_sets
@pytest.mark.parametrize("position", [0, 5, -129, -1])
def test_implicit_rejection(parameter_set: int, position: int) -> None:
    """An altered ciphertext gives J(z || c): SHAKE256, 32 bytes."""
    encapsulation_key, key = mlkem.keygen(parameter_set, D, Z)
    ciphertext, secret = mlkem.encapsulate(encapsulation_key, M)
    altered = bytearray(ciphertext)
    altered[position] ^= 1
    assert mlkem.decapsulate(key, bytes(altered)) == shake_256(Z + bytes(altered)).digest(32)
    assert mlkem.decapsulate(key, ciphertext) == secret


@parameter_sets
@pytest.mark.parametrize("fill", [0, 0xFF])
def test_ciphertexts_of_one_byte(parameter_set: int, fill: int) -> None:
    ciphertext = bytes([fill]) * mlkem.CIPHERTEXT_SIZES[parameter_set]
    _, key = mlkem.keygen(parameter_set, D, Z)
    assert mlkem.decapsulate(key, ciphertext) == shake_256(Z + ciphertext).digest(32)


def test_z_decides_rejections_alone() -> None:
    encapsulation_key, key = mlkem.keygen(768, D, Z)
    other_encapsulation_key, other = mlkem.keygen(768, D, bytes(32))
    assert encapsulation_key == other_encapsulation_key
    assert key != other
    ciphertext, secret = mlkem.encapsulate(encapsulation_key, M)
    assert mlkem.decapsulate(key, ciphertext) == mlkem.decapsulate(other, ciphertext) == secret
    assert mlkem.decapsulate(key, bytes(1088)) != mlkem.decapsulate(other, bytes(1088))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(mlkem.PARAMETER_SETS), st.binary(min_size=96, max_size=96))
def test_both_sides_get_the_same_secret(parameter_set: int, randomness: bytes) -> None:
    encapsulation_key, key = mlkem.keygen(parameter_set, randomness[:32], randomness[32:64])
    ciphertext, secret = mlkem.encapsulate(encapsulation_key, randomness[64:])
    assert mlkem.decapsulate(key, ciphertext) == secret


# ---- arguments ----


def test_arguments() -> None:
    with pytest.raises(ModelError, match=r"there is no ML-KEM-65: give 512, 768 or 1024"):
        mlkem.keygen(65, D, Z)
    with pytest.raises(ModelError, match=r"^d has 31 bytes: give 32$"):
        mlkem.keygen(512, D[1:], Z)
    with pytest.raises(ModelError, match=r"^z has 33 bytes: give 32$"):
        mlkem.keygen(512, D, Z + b"x")
    encapsulation_key, key = mlkem.keygen(512, D, Z)
    with pytest.raises(ModelError, match=r"^m has 0 bytes: give 32$"):
        mlkem.encapsulate(encapsulation_key, b"")
    with pytest.raises(ModelError, match=r"^ciphertext has 1088 bytes: give 768$"):
        mlkem.decapsulate(key, bytes(1088))


# ---- references that differ ----


def altered_last(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_keys_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = mlkem._PEERS[768].key_derive
    monkeypatch.setattr(mlkem._PEERS[768], "key_derive", lambda seed: genuine(seed[::-1]))
    with pytest.raises(
        ReferenceDisagreement, match=r"^ML-KEM-768 keygen: pyca/cryptography says .* d and z 64 bytes sha3"
    ):
        mlkem.keygen(768, b"keys that differ".ljust(32), Z)


def test_secrets_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    _, key = mlkem.keygen(1024, D, Z)
    genuine = mlkem._PEERS[1024].decaps
    monkeypatch.setattr(mlkem._PEERS[1024], "decaps", lambda dk, c: altered_last(genuine(dk, c)))
    with pytest.raises(ReferenceDisagreement, match=r"^ML-KEM-1024 decapsulate: kyber-py says 32 bytes"):
        mlkem.decapsulate(key, b"secrets that differ ".ljust(1568, b"."))


@parameter_sets
def test_secret_that_is_not_the_formulas(parameter_set: int, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = mlkem._PEERS[parameter_set]
    genuine = peer._encaps_internal

    def other_secret(ek: bytes, m: bytes) -> tuple[bytes, bytes]:
        secret, ciphertext = genuine(ek, m)
        return altered_last(secret), ciphertext

    encapsulation_key, _ = mlkem.keygen(parameter_set, D, Z)
    monkeypatch.setattr(peer, "_encaps_internal", other_secret)
    with pytest.raises(ReferenceDisagreement, match=f"^ML-KEM-{parameter_set} encapsulate: kyber-py says 32 bytes"):
        mlkem.encapsulate(encapsulation_key, b"a secret of another formula".ljust(32))


def test_ciphertext_that_a_known_key_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = mlkem._PEERS[768]
    genuine = peer._encaps_internal

    def other_ciphertext(ek: bytes, m: bytes) -> tuple[bytes, bytes]:
        secret, ciphertext = genuine(ek, m)
        return secret, altered_last(ciphertext)

    encapsulation_key, key = mlkem.keygen(768, D, Z)
    monkeypatch.setattr(peer, "_encaps_internal", other_ciphertext)
    with pytest.raises(ReferenceDisagreement, match=r"pyca/cryptography says .* m 32 bytes"):
        mlkem.encapsulate(encapsulation_key, b"a ciphertext to be rejected".ljust(32))
    del key


def test_key_check_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    encapsulation_key, _ = mlkem.keygen(512, D, Z)

    def refuse(ek: bytes, m: bytes) -> tuple[bytes, bytes]:
        raise ValueError("Modulus check failed")

    monkeypatch.setattr(mlkem._PEERS[512], "_encaps_internal", refuse)
    with pytest.raises(
        ReferenceDisagreement, match="kyber-py refuses a key that passes the check: Modulus check failed"
    ):
        mlkem.encapsulate(encapsulation_key, b"a key that is refused".ljust(32))


def test_keys_are_known_as_long_as_somebody_holds_them() -> None:
    encapsulation_key, key = mlkem.keygen(768, b"a key that is let go of".ljust(32), Z)
    assert mlkem._known_keys[encapsulation_key] is key
    del key
    mlkem._generate.cache_clear()
    gc.collect()
    assert encapsulation_key not in mlkem._known_keys

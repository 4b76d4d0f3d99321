# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA's references: published vectors, faulty encodings, limits, and what happens when the references differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import ModelError, mldsa, mldsa_signer
from harness.model.reference import ReferenceDisagreement

Case = dict[str, bytes]
Reader = Callable[[str], list[Case]]

SEED = bytes(range(32))
RND = bytes(range(32, 64))
OMEGA = {44: 80, 65: 55, 87: 75}
K = {44: 4, 65: 6, 87: 8}

parameter_sets = pytest.mark.parametrize("parameter_set", mldsa.PARAMETER_SETS)


def check_known_answers(parameter_set: int, cases: Sequence[Case]) -> None:
    for case in cases:
        public_key = mldsa.public_key(parameter_set, case["xi"])
        assert public_key == case["pk"]
        signature = mldsa.sign(parameter_set, case["xi"], case["ctx"], case["msg"], bytes(32))
        assert signature + case["msg"] == case["sm"]
        assert mldsa.verify(parameter_set, public_key, case["ctx"], case["msg"], signature)


@parameter_sets
def test_known_answers(parameter_set: int, known_answers: Reader) -> None:
    """The deterministic variant: the randomness is 32 zero bytes."""
    check_known_answers(parameter_set, known_answers(f"asymmetric/MLDSA/kat_MLDSA_{parameter_set}_det_pure.rsp")[:10])


@pytest.mark.slow
@parameter_sets
def test_all_known_answers(parameter_set: int, known_answers: Reader) -> None:
    check_known_answers(parameter_set, known_answers(f"asymmetric/MLDSA/kat_MLDSA_{parameter_set}_det_pure.rsp")[10:])


@parameter_sets
def test_wycheproof_signatures(parameter_set: int, wycheproof: Reader) -> None:
    cases = [c for c in wycheproof(f"mldsa_{parameter_set}_sign_seed_test.json") if "msg" in c]
    for case in cases:
        context, rnd = case.get("ctx", b""), case.get("rnd", bytes(32))
        if not case["valid"]:
            with pytest.raises(ModelError):
                mldsa.sign(parameter_set, case["privateSeed"], context, case["msg"], rnd)
            continue
        assert mldsa.public_key(parameter_set, case["privateSeed"]) == case["publicKey"]
        signature = mldsa.sign(parameter_set, case["privateSeed"], context, case["msg"], rnd)
        assert signature == case["sig"], case["id"]
    assert any(any(case.get("rnd", b"")) for case in cases)


@parameter_sets
def test_wycheproof_verification(parameter_set: int, wycheproof: Reader) -> None:
    cases = wycheproof(f"mldsa_{parameter_set}_verify_test.json")
    for case in cases:
        arguments = (parameter_set, case["publicKey"], case.get("ctx", b""), case["msg"], case["sig"])
        if len(arguments[2]) > 255 or len(arguments[1]) != mldsa.PUBLIC_KEY_SIZES[parameter_set]:
            with pytest.raises(ModelError):
                mldsa.verify(*arguments)
        else:
            assert mldsa.verify(*arguments) == bool(case["valid"]), case["id"]
    assert len(cases) > 150


@parameter_sets
def test_sizes(parameter_set: int) -> None:
    assert len(mldsa.public_key(parameter_set, SEED)) == mldsa.PUBLIC_KEY_SIZES[parameter_set]
    assert len(mldsa.sign(parameter_set, SEED, b"", b"", RND)) == mldsa.SIGNATURE_SIZES[parameter_set]


@parameter_sets
@pytest.mark.parametrize("context", [b"", b"c", bytes(255)])
def test_contexts(parameter_set: int, context: bytes) -> None:
    public_key = mldsa.public_key(parameter_set, SEED)
    signature = mldsa.sign(parameter_set, SEED, context, b"message", RND)
    assert mldsa.verify(parameter_set, public_key, context, b"message", signature)
    other = context[:-1] if context else b"\0"
    assert not mldsa.verify(parameter_set, public_key, other, b"message", signature)
    assert not mldsa.verify(parameter_set, public_key, context, b"massage", signature)


def test_context_and_message_are_kept_apart() -> None:
    signature = mldsa.sign(44, SEED, b"ab", b"c", RND)
    assert signature != mldsa.sign(44, SEED, b"a", b"bc", RND)
    assert not mldsa.verify(44, mldsa.public_key(44, SEED), b"a", b"bc", signature)


def test_every_random_byte_counts() -> None:
    """Hedged signing: other randomness, another signature, just as valid."""
    signature = mldsa.sign(44, SEED, b"", b"message", RND)
    for other in (bytes(32), RND[:-1] + b"\0", b"\0" + RND[1:]):
        varied = mldsa.sign(44, SEED, b"", b"message", other)
        assert varied != signature
        assert mldsa.verify(44, mldsa.public_key(44, SEED), b"", b"message", varied)


def test_long_message() -> None:
    message = bytes(65536 - 5)
    signature = mldsa.sign(44, SEED, b"", message, RND)
    assert mldsa.verify(44, mldsa.public_key(44, SEED), b"", message, signature)


# ---- faulty signatures ----


def hints(parameter_set: int, message: bytes) -> tuple[bytes, bytearray, bytearray]:
    """A signature in three parts: all before the hints, their positions, the ends of each polynomial's share."""
    signature = mldsa.sign(parameter_set, SEED, b"", message, RND)
    start = len(signature) - OMEGA[parameter_set] - K[parameter_set]
    return signature[:start], bytearray(signature[start : -K[parameter_set]]), bytearray(signature[-K[parameter_set] :])


def refused(parameter_set: int, message: bytes, *parts: bytes | bytearray) -> bool:
    return not mldsa.verify(parameter_set, mldsa.public_key(parameter_set, SEED), b"", message, b"".join(parts))


@parameter_sets
def test_faulty_hint_encodings(parameter_set: int) -> None:
    """Each of the checks of HintBitUnpack (FIPS 204, algorithm 21)."""
    message = b"hints"
    front, positions, ends = hints(parameter_set, message)
    assert not refused(parameter_set, message, front, positions, ends)
    # A polynomial with two ones or more, and room left at the end of the list.
    start, end = next((a, b) for a, b in zip([0, *ends], ends, strict=False) if b - a >= 2)
    used = ends[-1]
    assert used < OMEGA[parameter_set]

    swapped = positions[:]
    swapped[start], swapped[start + 1] = swapped[start + 1], swapped[start]
    assert refused(parameter_set, message, front, swapped, ends), "positions that fall"
    repeated = positions[:]
    repeated[start + 1] = repeated[start]
    assert refused(parameter_set, message, front, repeated, ends), "a position twice"
    filled = positions[:]
    filled[-1] = 1
    assert refused(parameter_set, message, front, filled, ends), "a byte behind the last position"
    falling = ends[:]
    falling[-1] = falling[-2] - 1
    assert refused(parameter_set, message, front, positions, falling), "ends that fall"
    outside = ends[:]
    outside[-1] = OMEGA[parameter_set] + 1
    assert refused(parameter_set, message, front, positions, outside), "an end behind the list"
    outside[0] = 255
    assert refused(parameter_set, message, front, positions, outside), "the first end behind the list"
    fewer = positions[:]
    del fewer[end - 1]
    shorter = bytes(e - (e >= end) for e in ends)
    assert refused(parameter_set, message, front, fewer + b"\0", shorter), "a hint less, soundly encoded"


@parameter_sets
def test_faulty_responses(parameter_set: int) -> None:
    message = b"response"
    front, positions, ends = hints(parameter_set, message)
    challenge = {44: 32, 65: 48, 87: 64}[parameter_set]
    for altered in (
        bytes([front[0] ^ 1]) + front[1:],
        front[: challenge - 1] + bytes([front[challenge - 1] ^ 0x80]) + front[challenge:],
        front[:challenge] + bytes([front[challenge] ^ 1]) + front[challenge + 1 :],
        front[:-1] + bytes([front[-1] ^ 0x80]),
        front[:challenge] + bytes(len(front) - challenge),  # every coefficient gamma1: over the bound
        front[:challenge] + b"\xff" * (len(front) - challenge),
    ):
        assert refused(parameter_set, message, altered, positions, ends)


@parameter_sets
@pytest.mark.parametrize("change", [-1, 1])
def test_signature_of_another_length_is_invalid(parameter_set: int, change: int) -> None:
    signature = mldsa.sign(parameter_set, SEED, b"", b"", RND)
    changed = signature + b"\0" if change > 0 else signature[:-1]
    assert refused(parameter_set, b"", changed)
    assert refused(parameter_set, b"", b"")


@pytest.mark.parametrize("public_key", [bytes(1312), b"\xff" * 1312])
def test_any_bytes_are_a_public_key(public_key: bytes) -> None:
    assert not mldsa.verify(44, public_key, b"", b"", mldsa.sign(44, SEED, b"", b"", RND))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(mldsa.PARAMETER_SETS), st.integers(0, 4626), st.integers(0, 255))
def test_references_agree_on_altered_signatures(parameter_set: int, position: int, value: int) -> None:
    signature = bytearray(mldsa.sign(parameter_set, SEED, b"", b"altered", RND))
    position %= len(signature)
    same = signature[position] == value
    signature[position] = value
    assert refused(parameter_set, b"altered", signature) != same


# ---- arguments ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((43, SEED, b"", b"", RND), "there is no ML-DSA-43: give 44, 65 or 87"),
        ((44, SEED[1:], b"", b"", RND), "seed has 31 bytes: give 32"),
        ((44, SEED, bytes(256), b"", RND), "a context of 256 bytes is too long: give at most 255"),
        ((44, SEED, b"", b"", RND + b"x"), "rnd has 33 bytes: give 32"),
    ],
)
def test_arguments_of_sign(arguments: tuple[int, bytes, bytes, bytes, bytes], message: str) -> None:
    with pytest.raises(ModelError, match=f"^{message}$"):
        mldsa.sign(*arguments)


def test_arguments_of_verify_and_public_key() -> None:
    with pytest.raises(ModelError, match="public key has 1952 bytes: give 1312"):
        mldsa.verify(44, bytes(1952), b"", b"", bytes(2420))
    with pytest.raises(ModelError, match="context of 256 bytes"):
        mldsa.verify(44, bytes(1312), bytes(256), b"", bytes(2420))
    with pytest.raises(ModelError, match="no ML-DSA-512"):
        mldsa.verify(512, bytes(1312), b"", b"", bytes(2420))
    with pytest.raises(ModelError, match="no ML-DSA-0"):
        mldsa.public_key(0, SEED)
    with pytest.raises(ModelError, match="seed has 33 bytes"):
        mldsa.public_key(44, bytes(33))


# ---- references that differ ----


def test_verifications_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = mldsa.sign(44, SEED, b"", b"differ", RND)
    monkeypatch.setattr(mldsa._PEERS[44], "verify", lambda *_: False)
    with pytest.raises(
        ReferenceDisagreement,
        match=r"^ML-DSA-44 verify: pyca/cryptography says True, dilithium-py says False; given public key 1312 bytes "
        r"sha3-256:[0-9a-f]{16}, context 0 bytes .*, message 6 bytes .*, signature 2420 bytes ",
    ):
        mldsa.verify(44, mldsa.public_key(44, SEED), b"", b"differ", signature)


def test_signature_that_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = mldsa_signer.sign

    def other_message(key: mldsa_signer.SigningKey, context: bytes, message: bytes, rnd: bytes) -> bytes:
        return genuine(key, context, message + b"!", rnd)

    monkeypatch.setattr(mldsa_signer, "sign", other_message)
    with pytest.raises(
        ReferenceDisagreement, match=r"^ML-DSA-65 sign, is the signature valid: mldsa_signer says True, "
    ):
        mldsa.sign(65, SEED, b"", b"a message that no other test signs", RND)


def test_public_keys_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = mldsa_signer.expand_key
    monkeypatch.setattr(mldsa_signer, "expand_key", lambda number, seed: genuine(number, seed[::-1]))
    with pytest.raises(ReferenceDisagreement, match=r"^ML-DSA-87 public key: .* given seed 32 bytes sha3-256:"):
        mldsa.public_key(87, b"a seed that no other test takes!")

# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA's operations on both routes, against dilithium-py, and what they leave out."""

from __future__ import annotations

from typing import Any

import pytest
from dilithium_py.ml_dsa.default_parameters import DEFAULT_PARAMETERS
from dilithium_py.ml_dsa.ml_dsa import ML_DSA

from harness.vectors.primitives.mldsa import DETERMINISTIC, SIZES, Keygen, Message, SeedSign, Sign, Sizes, Verify
from harness.vectors.questions import Accepted, Answer, Question, Refused, ask, outputs
from harness.vectors.registry import operation_of
from harness.vectors.routes import Bench

SEED, RND, CONTEXT, CONTENT = bytes(range(32)), bytes(range(32, 64)), b"context", b"message"
EXTERNAL, INTERNAL = Message(CONTENT, CONTEXT), Message(CONTENT, None)
TOO_LONG = Message(CONTENT, bytes(256))
FORMATTED = bytes([0, len(CONTEXT)]) + CONTEXT + CONTENT

every_set = pytest.mark.parametrize("number", SIZES)


def keys(number: int) -> tuple[Any, bytes, bytes]:
    peer = ML_DSA(DEFAULT_PARAMETERS[f"ML_DSA_{number}"])
    return peer, *peer._keygen_internal(SEED)


def answer(question: Question, bench: Bench, window: bool = False) -> Answer:
    operation = operation_of(question)
    assert operation.refusal(question) == ""
    made, through_window = ask(operation, question, bench.service, bench.functions)
    assert through_window is window
    return made


@every_set
def test_keys_and_signatures(number: int, bench: Bench) -> None:
    peer, pk, sk = keys(number)
    assert answer(Keygen(number, SEED), bench) == outputs(pk=pk, sk=sk)
    for rnd in (DETERMINISTIC, RND):
        signature = peer._sign_internal(sk, FORMATTED, rnd)
        assert SIZES[number] == Sizes(len(pk), len(sk), len(signature))
        assert answer(Sign(number, sk, EXTERNAL, rnd), bench) == outputs(signature=signature)
        assert answer(Sign(number, sk, Message(FORMATTED, None), rnd), bench) == outputs(signature=signature)
        assert answer(SeedSign(number, SEED, EXTERNAL, rnd), bench) == outputs(pk=pk, signature=signature)


@every_set
def test_verification(number: int, bench: Bench) -> None:
    peer, pk, sk = keys(number)
    signature = peer._sign_internal(sk, FORMATTED, RND)
    changed = bytes([signature[0] ^ 1]) + signature[1:]
    assert answer(Verify(number, pk, EXTERNAL, signature), bench, window=True) == Accepted()
    assert answer(Verify(number, pk, Message(FORMATTED, None), signature), bench) == Accepted()
    for made in (changed, signature[:-1], signature + b"\0", b"", bytes(50000)):
        assert answer(Verify(number, pk, EXTERNAL, made), bench, window=True) == Refused()
        assert answer(Verify(number, pk, Message(FORMATTED, None), made), bench) == Refused()
        bench.functions.begin()
        question = Verify(number, pk, EXTERNAL, made)
        assert operation_of(question).ask_function(question, bench.functions) == Refused()
    assert answer(Verify(number, pk, Message(CONTENT, b""), signature), bench, window=True) == Refused()
    assert answer(Verify(number, pk, INTERNAL, signature), bench) == Refused()


def test_what_no_request_can_hold(bench: Bench) -> None:
    peer, pk, sk = keys(44)
    assert answer(Verify(44, pk, TOO_LONG, bytes(2420)), bench) == Refused()
    longest = Message(bytes(65536 - 7 - 7 - 2420), CONTEXT)
    signature = peer._sign_internal(sk, FORMATTED[:-7] + longest.content, RND)
    assert answer(Verify(44, pk, longest, signature), bench, window=True) == Accepted()
    longer = Message(longest.content + b"\0", CONTEXT)
    signature = peer._sign_internal(sk, FORMATTED[:-7] + longer.content, RND)
    assert answer(Verify(44, pk, longer, signature), bench) == Accepted()
    assert answer(Verify(44, pk, longer, bytes(65536)), bench) == Refused()


@every_set
def test_what_is_refused(number: int, bench: Bench) -> None:
    _, pk, sk = keys(number)
    assert answer(Sign(number, sk, TOO_LONG, RND), bench) == Refused()
    assert answer(SeedSign(number, SEED, TOO_LONG, RND), bench) == Refused()
    # s1 begins behind rho, K and tr; 0xff are coefficients that none has.
    assert answer(Sign(number, sk[:128] + b"\xff" * 96 + sk[224:], EXTERNAL, RND), bench) == Refused()
    for seed in (b"", SEED[:-1], SEED + b"\0"):
        assert answer(SeedSign(number, seed, EXTERNAL, RND), bench, window=True) == Refused()
    assert answer(Verify(number, pk[:-1], EXTERNAL, bytes(SIZES[number].signature)), bench, window=True) == Refused()


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (Sign(44, bytes(2559), EXTERNAL, RND), "secret keys of a wrong length"),
        (SeedSign(44, bytes(2593), EXTERNAL, RND), "seeds that are too long for a key slot"),
        (SeedSign(44, bytes(31), TOO_LONG, RND), "seeds of a wrong length together with"),
        (Verify(44, bytes(32), EXTERNAL, b""), "public keys as long as a seed"),
        (Verify(87, bytes(2593), EXTERNAL, b""), "public keys that are too long for a key slot"),
        (Verify(44, bytes(1311), INTERNAL, b""), "public keys of a wrong length with what no request can hold"),
    ],
)
def test_what_neither_route_can_express(question: Question, reason: str) -> None:
    assert operation_of(question).refusal(question).startswith(reason)

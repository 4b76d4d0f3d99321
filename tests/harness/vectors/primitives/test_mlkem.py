# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-KEM's operations on both routes, against kyber-py, and what they leave out."""

from __future__ import annotations

from typing import Any

import pytest
from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS
from kyber_py.ml_kem.ml_kem import ML_KEM

from harness.vectors.primitives.mlkem import (
    SIZES,
    CheckDecapsulationKey,
    CheckEncapsulationKey,
    Decaps,
    Encaps,
    Keygen,
    SeedDecaps,
)
from harness.vectors.questions import Accepted, Answer, Outputs, Question, Refused, ask, outputs
from harness.vectors.registry import operation_of
from harness.vectors.routes import Bench

D, Z, M = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))

every_set = pytest.mark.parametrize("number", SIZES)


def keys(number: int) -> tuple[Any, bytes, bytes]:
    peer = ML_KEM(DEFAULT_PARAMETERS[f"ML{number}"])
    return peer, *peer._keygen_internal(D, Z)


def answer(question: Question, bench: Bench, window: bool = False) -> Answer:
    operation = operation_of(question)
    assert operation.refusal(question) == ""
    made, through_window = ask(operation, question, bench.service, bench.functions)
    assert through_window is window
    return made


@every_set
def test_sound_inputs(number: int, bench: Bench) -> None:
    peer, ek, dk = keys(number)
    secret, c = peer._encaps_internal(ek, M)
    changed = c[:-1] + bytes([c[-1] ^ 1])
    assert SIZES[number] == type(SIZES[number])(len(ek), len(dk), len(c))
    assert answer(Keygen(number, D, Z), bench) == outputs(ek=ek, dk=dk)
    assert answer(Encaps(number, ek, M), bench) == outputs(c=c, k=secret)
    assert answer(Decaps(number, dk, c), bench) == outputs(k=secret)
    assert answer(Decaps(number, dk, changed), bench) == outputs(k=peer._decaps_internal(dk, changed))
    assert answer(SeedDecaps(number, D + Z, c), bench) == outputs(ek=ek, k=secret)


@every_set
def test_what_the_window_refuses(number: int, bench: Bench) -> None:
    _, ek, dk = keys(number)
    for wrong in (b"\xff\xff" + ek[2:], ek[:-34] + b"\xff\xff" + ek[-32:], ek[:-1], ek + b"\0", b"", bytes(65536)):
        assert answer(Encaps(number, wrong, M), bench, window=True) == Refused()
        assert answer(CheckEncapsulationKey(number, wrong), bench, window=True) == Refused()
    for c in (b"", bytes(SIZES[number].c - 1), bytes(SIZES[number].c + 1), bytes(65532)):
        assert answer(Decaps(number, dk, c), bench, window=True) == Refused()
        assert answer(SeedDecaps(number, D + Z, c), bench, window=True) == Refused()


@every_set
def test_keys_are_checked(number: int, bench: Bench) -> None:
    _, ek, dk = keys(number)
    wrong_dk = dk[:-33] + bytes([dk[-33] ^ 1]) + dk[-32:]
    assert answer(CheckEncapsulationKey(number, ek), bench, window=True) == Accepted()
    assert answer(CheckDecapsulationKey(number, dk), bench) == Accepted()
    assert answer(CheckDecapsulationKey(number, wrong_dk), bench) == Refused()
    assert answer(Decaps(number, wrong_dk, bytes(SIZES[number].c)), bench) == Refused()
    for key, verdict in ((ek, Accepted()), (b"\xff\xff" + ek[2:], Refused())):
        bench.functions.begin()
        question = CheckEncapsulationKey(number, key)
        assert operation_of(question).ask_function(question, bench.functions) == verdict


def test_the_service_chooses_its_randomness(bench: Bench) -> None:
    """A sound key through the window gives a sound answer with an m of its own."""
    peer, ek, dk = keys(512)
    question = Encaps(512, ek, M)
    made = operation_of(question).ask_window(question, bench.service)
    assert isinstance(made, Outputs)
    values = dict(made.values)
    assert peer._decaps_internal(dk, values["c"]) == values["k"]
    assert values["c"] != peer._encaps_internal(ek, M)[1]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (Encaps(768, bytes(800), M), "encapsulation keys as long as another parameter set's"),
        (CheckEncapsulationKey(512, bytes(1568)), "encapsulation keys as long as another parameter set's"),
        (Encaps(512, bytes(65537), M), "encapsulation keys that are too long for a request"),
        (Decaps(512, bytes(1631), bytes(768)), "decapsulation keys of a wrong length"),
        (Decaps(512, bytes(1632), bytes(65533)), "ciphertexts that are too long for a request"),
        (SeedDecaps(512, bytes(63), bytes(768)), "key seeds of a wrong length"),
        (SeedDecaps(512, bytes(64), bytes(65533)), "ciphertexts that are too long for a request"),
        (CheckDecapsulationKey(512, b""), "decapsulation keys of a wrong length"),
    ],
)
def test_what_neither_route_can_express(question: Question, reason: str) -> None:
    assert operation_of(question).refusal(question).startswith(reason)

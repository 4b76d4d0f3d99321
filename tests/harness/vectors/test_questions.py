# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers are compared by what is expected of them, and questions take their route."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.vectors.questions import (
    Accepted,
    Answer,
    NotOffered,
    NotOfferedOperation,
    Operation,
    Question,
    Refused,
    accepted,
    ask,
    expect_answer,
    outputs,
    succeeded,
)
from harness.vectors.routes import Bench, CaseFailed, Functions, Service


def test_what_is_not_expected_by_name_may_be_anything() -> None:
    expect_answer(outputs(a=b"1"), outputs(a=b"1", b=b"2"))
    expect_answer(Accepted(), outputs(a=b"1"))
    expect_answer(Refused(), Refused())
    assert (accepted(1), accepted(0)) == (Accepted(), Refused())


@pytest.mark.parametrize(
    ("expected", "got", "message"),
    [
        (Refused(), Accepted(), "accepted, though it has to fail"),
        (Refused(), outputs(a=b""), "accepted, though it has to fail"),
        (outputs(a=b"1"), Refused(), "refused"),
        (Accepted(), Refused(), "refused"),
        (outputs(a=b"1", b=b"2"), outputs(a=b"1", b=b"3"), "b: 32 expected from byte 0, got 33"),
        (outputs(a=b"1"), outputs(b=b"1"), "a: 1 bytes expected, got 0"),
        (outputs(a=b"1"), Accepted(), "a: 1 bytes expected, got 0"),
    ],
)
def test_wrong_answers(expected: Answer, got: Answer, message: str) -> None:
    with pytest.raises(CaseFailed, match=f"^{message}$"):
        expect_answer(expected, got)


def test_statuses() -> None:
    assert succeeded(Response(Status.SUCCESS), Status.CRYPTO_ERROR)
    assert not succeeded(Response(Status.CRYPTO_ERROR), Status.CRYPTO_ERROR)
    with pytest.raises(CaseFailed, match="status: SUCCESS or CRYPTO_ERROR expected, got INVALID_PAYLOAD"):
        succeeded(Response(Status.INVALID_PAYLOAD), Status.CRYPTO_ERROR)


@dataclass(frozen=True)
class Spoken(Question):
    window: bool


class Hearing(Operation[Spoken]):
    def fits_window(self, question: Spoken) -> bool:
        return question.window

    def ask_window(self, question: Spoken, service: Service) -> Answer:
        return Accepted()

    def ask_function(self, question: Spoken, functions: Functions) -> Answer:
        return Refused()


class Least(Operation[Spoken]):
    def ask_function(self, question: Spoken, functions: Functions) -> Answer:
        return Accepted()


def test_routes(bench: Bench) -> None:
    assert ask(Hearing(), Spoken(True), bench.service, bench.functions) == (Accepted(), True)
    assert ask(Hearing(), Spoken(False), bench.service, bench.functions) == (Refused(), False)
    assert ask(Least(), Spoken(True), bench.service, bench.functions) == (Accepted(), False)
    assert Least().refusal(Spoken(True)) == ""
    with pytest.raises(NotImplementedError, match="Least has no way through the window"):
        Least().ask_window(Spoken(True), bench.service)


def test_what_is_not_offered_is_never_asked(bench: Bench) -> None:
    operation, question = NotOfferedOperation(), NotOffered("tea")
    assert operation.refusal(question) == "tea"
    assert not operation.fits_window(question)
    with pytest.raises(NotImplementedError, match="tea"):
        operation.ask_function(question, bench.functions)

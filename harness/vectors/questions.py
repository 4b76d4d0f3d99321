# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases made of a question and the answer that it has to get.

What asks the questions knows no answers, so that it serves a prompt, whose answers nobody has yet, as well as a file
that has them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.vectors.case import Case
from harness.vectors.routes import CaseFailed, Functions, Service, expect_bytes


class Answer:
    """Base of what an operation can come to."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Refused(Answer):
    """The operation fails: a tag, signature, key or ciphertext is not accepted."""


@dataclass(frozen=True, slots=True)
class Accepted(Answer):
    """The operation succeeds, and that is all that it says."""


@dataclass(frozen=True, slots=True)
class Outputs(Answer):
    """The operation succeeds with byte strings, by the names that ACVP has for them."""

    values: tuple[tuple[str, bytes], ...] = field(repr=False)


def outputs(**values: bytes) -> Outputs:
    """outputs(c=..., k=...)"""
    return Outputs(tuple(values.items()))


def accepted(verdict: int | bool) -> Answer:
    """What a function says by returning true or false."""
    return Accepted() if verdict else Refused()


def expect_answer(expected: Answer, got: Answer) -> None:
    """CaseFailed unless `got` is `expected`; what is not expected by name may be anything."""
    if isinstance(expected, Refused) != isinstance(got, Refused):
        raise CaseFailed("accepted, though it has to fail" if isinstance(expected, Refused) else "refused")
    if isinstance(expected, Outputs):
        values = dict(got.values) if isinstance(got, Outputs) else {}
        for name, value in expected.values:
            expect_bytes(name, value, values.get(name, b""))


def succeeded(response: Response, refused: Status) -> bool:
    """Whether the service did what it was asked; CaseFailed when it neither did nor answered with `refused`."""
    if response.status is Status.SUCCESS:
        return True
    if response.status is refused:
        return False
    raise CaseFailed(f"status: SUCCESS or {refused.name} expected, got {response.status.name}")


class Question:
    """Base of what can be asked; each kind is a frozen dataclass of its inputs.

    `REFUSABLE` says that ACVP has an answer for a refusal.
    """

    __slots__ = ()
    REFUSABLE: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class NotOffered(Question):
    """What a file asks for and neither protocol nor functions have: `reason` says what that is."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskedCase(Case):
    """A question, and the answer that it has to get."""

    question: Question
    expected: Answer


Q = TypeVar("Q", bound=Question)


class Operation(ABC, Generic[Q]):
    """Asks one kind of question on either route. What the guest must never do is a CaseFailed."""

    def refusal(self, question: Q) -> str:
        """Why the service does not offer what is asked for; "" when it does."""
        return ""

    def fits_window(self, question: Q) -> bool:
        """Whether the protocol can express the question, so that `ask_window` is its route."""
        return False

    def ask_window(self, question: Q, service: Service) -> Answer:
        """By requests to the service."""
        raise NotImplementedError(f"{type(self).__name__} has no way through the window")

    @abstractmethod
    def ask_function(self, question: Q, functions: Functions) -> Answer:
        """By calls of C functions."""


class NotOfferedOperation(Operation[NotOffered]):
    """Never asks."""

    def refusal(self, question: NotOffered) -> str:
        """See Operation."""
        return question.reason

    def ask_function(self, question: NotOffered, functions: Functions) -> Answer:
        """See Operation."""
        raise NotImplementedError(question.reason)


def ask(operation: Operation[Any], question: Question, service: Service, functions: Functions) -> tuple[Answer, bool]:
    """The answer, and whether it came through the window."""
    if operation.fits_window(question):
        return operation.ask_window(question, service), True
    functions.begin()
    return operation.ask_function(question, functions), False

# SPDX-License-Identifier: GPL-2.0-or-later
"""From the tests of an ACVP vector set to questions, with their answers or without."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.vectors.acvp import AcvpDocument, AcvpGroup
from harness.vectors.case import Parsed
from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, shortened
from harness.vectors.questions import Answer, AskedCase, Question


class AcvpTests(ABC):
    """How the tests of one group are read; made from the group's fields. Wrong contents are a VectorError."""

    @abstractmethod
    def question(self, test: Fields) -> Question:
        """Takes the fields of a test that a prompt has."""

    @abstractmethod
    def answer(self, test: Fields) -> Answer:
        """Takes the fields of the answer, and those that only a file with everything has."""


@dataclass(frozen=True, slots=True)
class AcvpFormat:
    """The vector sets of one algorithm and mode. `tests` takes the fields of a group."""

    algorithm: str
    revision: str
    tests: Callable[[Fields], AcvpTests]


@dataclass(frozen=True, slots=True)
class PromptTest:
    """One test of a prompt: where it stands, and what it asks."""

    group: int
    test: int
    question: Question


def read_cases(document: AcvpDocument, form: AcvpFormat) -> Parsed:
    """The cases of a set that has its answers."""
    return Parsed(form.algorithm, tuple(_cases(document, form)))


def _cases(document: AcvpDocument, form: AcvpFormat) -> Iterator[AskedCase]:
    for group, tests in _groups(document, form):
        for fields in group.tests.values():
            question, answer = tests.question(fields), tests.answer(fields)
            fields.done()
            yield AskedCase(fields.where, question, answer)


def read_prompt(document: AcvpDocument, form: AcvpFormat) -> tuple[PromptTest, ...]:
    """The tests of a prompt, in their order."""
    return tuple(_questions(document, form))


def _questions(document: AcvpDocument, form: AcvpFormat) -> Iterator[PromptTest]:
    for group, tests in _groups(document, form):
        for number, fields in group.tests.items():
            question = tests.question(fields)
            fields.done()
            yield PromptTest(group.number, number, question)


def _groups(document: AcvpDocument, form: AcvpFormat) -> Iterator[tuple[AcvpGroup, AcvpTests]]:
    revision = document.identity.revision
    if revision != form.revision:
        raise VectorError(f"revision {shortened(revision)} is unknown, only {form.revision} can be read")
    for group in document.groups():
        tests = form.tests(group.fields)
        group.fields.done()
        yield group, tests

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a primitive brings along: readers for its files, and what runs its cases.

Another primitive is another module with one `Primitive`, and one more entry in `harness.vectors.registry`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from harness.vectors.acvp_format import AcvpFormat
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument
from harness.vectors.questions import AskedCase, Operation, Question, expect_answer
from harness.vectors.routes import Functions, Service
from harness.vectors.wycheproof import WycheproofDocument

C = TypeVar("C", bound=Case)


class Executor(ABC, Generic[C]):
    """Runs one kind of case on either route. A wrong result is a CaseFailed."""

    def refusal(self, case: C) -> str:
        """Why the service does not offer what the case asks for; "" when it does."""
        return ""

    def fits_window(self, case: C) -> bool:
        """Whether the protocol can express the case, so that `run_window` is its route."""
        return False

    def run_window(self, case: C, service: Service) -> None:
        """By requests to the service."""
        raise NotImplementedError(f"{type(self).__name__} has no way through the window")

    @abstractmethod
    def run_function(self, case: C, functions: Functions) -> None:
        """By calls of C functions."""


class AskingExecutor(Executor[AskedCase]):
    """Asks by an operation and compares the answer."""

    def __init__(self, operation: Operation[Any]) -> None:
        self._operation = operation

    def refusal(self, case: AskedCase) -> str:
        """See Executor."""
        return self._operation.refusal(case.question)

    def fits_window(self, case: AskedCase) -> bool:
        """See Executor."""
        return self._operation.fits_window(case.question)

    def run_window(self, case: AskedCase, service: Service) -> None:
        """See Executor."""
        expect_answer(case.expected, self._operation.ask_window(case.question, service))

    def run_function(self, case: AskedCase, functions: Functions) -> None:
        """See Executor."""
        expect_answer(case.expected, self._operation.ask_function(case.question, functions))


# What a reader of CAVP files returns for one that is not its own.
CavpReader = Callable[[CavpDocument], Parsed | None]
WycheproofReader = Callable[[WycheproofDocument], Parsed]


@dataclass(frozen=True, slots=True)
class Primitive:
    """Operations by type of question; executors by type of case, for cases of other kinds; and readers.

    Readers for JSON go by the names that files give, for CAVP by trying them. `acvp` is keyed by (algorithm, mode),
    mode "" where a file has none.
    """

    operations: Mapping[type[Question], Operation[Any]] = field(default_factory=dict)
    executors: Mapping[type[Case], Executor[Any]] = field(default_factory=dict)
    cavp: CavpReader = lambda _: None
    wycheproof: Mapping[str, WycheproofReader] = field(default_factory=dict)
    acvp: Mapping[tuple[str, str], AcvpFormat] = field(default_factory=dict)

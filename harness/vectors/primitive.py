# SPDX-License-Identifier: GPL-2.0-or-later
"""What a primitive brings along: readers for its files, and executors for its cases.

Another primitive is another module with one `Primitive`, and one more entry in `harness.vectors.registry`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from harness.vectors.acvp import AcvpDocument
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument
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


# What a reader of CAVP files returns for one that is not its own.
CavpReader = Callable[[CavpDocument], Parsed | None]
WycheproofReader = Callable[[WycheproofDocument], Parsed]
AcvpReader = Callable[[AcvpDocument], Parsed]


@dataclass(frozen=True, slots=True)
class Primitive:
    """Executors by type of case; readers: for JSON by the names that files give, for CAVP by trying them.

    `acvp` is keyed by (algorithm, mode), mode "" where a file has none.
    """

    executors: Mapping[type[Case], Executor[Any]]
    cavp: CavpReader = lambda _: None
    wycheproof: Mapping[str, WycheproofReader] = field(default_factory=dict)
    acvp: Mapping[tuple[str, str], AcvpReader] = field(default_factory=dict)

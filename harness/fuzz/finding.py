# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding of the fuzzer as a value, with an identity: the same cause gives the same id, whatever input shows it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.place import SANITIZER, Oracle, Place, locate
from harness.report.findings import FindingRow, StackFrame

# Kinds of findings: the verdicts of the executor in words, and what a sanitized image says of itself.
KINDS: Final = (*(v.name.lower().replace("_", "-") for v in Verdict if v is not Verdict.PASS), SANITIZER)
_ID_DIGITS: Final = 12


class FindingError(Exception):
    """A finding cannot be read, or what is asked of it cannot be done; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a script showed. `location` is one line, `chain` innermost first, `report` several lines.

    `id` names kind and cause and is fit for a folder's name; `tool` is the version of the bench.
    """

    id: str
    kind: str
    location: str
    chain: tuple[StackFrame, ...]
    report: str
    script: bytes
    firmware_sha256: str
    tool: str

    def row(self, count: int = 1, input: str = "") -> FindingRow:
        """As the reports take it."""
        digest = hashlib.sha256(self.script).hexdigest()
        return FindingRow(self.id, self.kind, self.location, self.chain, self.report, digest, count, input)


def observe(executor: Executor, script: bytes, verdict: Verdict, oracle: Oracle | None = None) -> Finding:
    """The finding that `executor.run(script)`, which has just returned `verdict`, stands for.

    `oracle` explains MISMATCH and RESIDUE. Raises ValueError for PASS. The machine may be elsewhere afterwards.
    """
    place = locate(executor, verdict, oracle)
    return Finding(
        id=identity(place),
        kind=place.kind,
        location=place.location,
        chain=place.chain,
        report=place.report,
        script=script,
        firmware_sha256=executor.target.image.sha256,
        tool=tool_version(),
    )


def tool_version() -> str:
    """Of the bench."""
    return metadata.version("hil-bench")


def identity(place: Place) -> str:
    """Kind and a hash of what findings of one cause share: `fault-3f2a9c1d0b7e`."""
    digest = hashlib.sha256("\n".join((place.kind, *place.signature)).encode()).hexdigest()
    return f"{place.kind}-{digest[:_ID_DIGITS]}"


def same_finding(executor: Executor, id: str, oracle: Oracle | None = None) -> Callable[[bytes], bool]:
    """Whether a script shows the finding with this id: what a minimiser asks."""

    def shows(script: bytes) -> bool:
        verdict = executor.run(script)
        return verdict is not Verdict.PASS and identity(locate(executor, verdict, oracle)) == id

    return shows

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a fuzzing campaign found: plain values that the reports render."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One function of a call chain. `function` and `file` are empty and `line` is 0 where they are not known.

    `file` is relative to the firmware's folder, as its debug information has it; `text` is the frame as the stop tells.
    """

    text: str
    function: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding: `location` in words, `chain` innermost first, `report` several lines for a reader.

    `count` is how often it was seen, `input` the name of the file that shows it, relative to the report.
    """

    id: str
    kind: str
    location: str
    chain: tuple[StackFrame, ...] = ()
    report: str = ""
    script_sha256: str = ""
    count: int = 1
    input: str = ""

    def as_json(self) -> dict[str, str]:
        """The shape that `hil fuzz --json` promises for each finding."""
        return {"id": self.id, "kind": self.kind, "location": self.location}


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """A whole campaign. `kinds` are the kinds of findings that its oracles could have made."""

    firmware: str
    firmware_sha256: str
    firmware_build: str
    tool_version: str
    kinds: tuple[str, ...]
    findings: tuple[FindingRow, ...]
    executions: int = 0
    seconds: float = 0.0

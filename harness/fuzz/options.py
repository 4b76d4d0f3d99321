# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign is to do, as a value that goes from the process that was asked to those that do it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from harness.fuzz.oracles import DEFAULT_ORACLES
from harness.targets.names import DEFAULT_BOARD

INPUT_LENGTH: Final = 1024  # bytes of the longest input, unless it is said otherwise


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` and `runs` of 0 are without end; `length` is the longest input in bytes; `seed` 0 is another each time.

    `corpus` is read and grows; `findings` takes what failed, `work` what the processes tell each other.
    """

    firmware: Path
    corpus: Path
    findings: Path
    work: Path
    board: str = DEFAULT_BOARD
    oracles: tuple[str, ...] = DEFAULT_ORACLES
    raw: bool = False
    seconds: int = 0
    runs: int = 0
    length: int = INPUT_LENGTH
    seed: int = 0
    jobs: int = 1

    def dump(self) -> str:
        """As text for `load`."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def load(cls, text: str) -> Options:
        """What `dump` has written; paths and tuples become such again."""
        values: dict[str, Any] = json.loads(text)
        for field in fields(cls):
            if field.type == "Path":
                values[field.name] = Path(values[field.name])
        values["oracles"] = tuple(values["oracles"])
        return cls(**values)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operation costs the guest, and what an image takes of its memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CostRow:
    """Guest instructions per request of one operation in one build, and the deepest stack that it needed, in bytes.

    The percentiles (nearest rank) are there where a hundred requests or more were counted; they are not in the JSON.
    """

    operation: str
    parameter_set: str
    build: str
    minimum: int
    median: int
    maximum: int
    stack_bytes: int
    percentile_90: int | None = None
    percentile_99: int | None = None

    def as_json(self) -> dict[str, object]:
        """One element of the list that `hil analyze cost --json` promises."""
        return {
            "operation": self.operation,
            "parameter_set": self.parameter_set,
            "build": self.build,
            "instructions": {"min": self.minimum, "median": self.median, "max": self.maximum},
            "stack_bytes": self.stack_bytes,
        }


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that the image of one build takes.

    `data` are its variables, with or without initial values; `bulk` its private message buffers and the scratch space
    of long computations; `filters` the nonce filters; `stack` what is set aside, needed or not. `functions` and
    `variables` hold names and sizes, largest first.
    """

    build: str
    code: int
    constants: int
    data: int
    bulk: int
    filters: int
    stack: int
    functions: tuple[tuple[str, int], ...]
    variables: tuple[tuple[str, int], ...]

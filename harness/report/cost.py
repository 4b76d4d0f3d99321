# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operation costs the guest."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CostRow:
    """Guest instructions per request of one operation in one build, and the deepest stack that it needed, in bytes."""

    operation: str
    parameter_set: str
    build: str
    minimum: int
    median: int
    maximum: int
    stack_bytes: int

    def as_json(self) -> dict[str, object]:
        """One element of the list that `hil analyze cost --json` promises."""
        return {
            "operation": self.operation,
            "parameter_set": self.parameter_set,
            "build": self.build,
            "instructions": {"min": self.minimum, "median": self.median, "max": self.maximum},
            "stack_bytes": self.stack_bytes,
        }

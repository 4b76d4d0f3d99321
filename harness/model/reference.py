# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of two references that should say the same."""

from collections.abc import Mapping
from hashlib import sha3_256
from typing import TypeVar

from harness.model.error import ModelError

_Result = TypeVar("_Result", bool, bytes)


class ReferenceDisagreement(ModelError):
    """Two references computed different results: a fault of the bench, not of the firmware that it judges."""


def agree(operation: str, results: Mapping[str, _Result], inputs: Mapping[str, bytes]) -> _Result:
    """The result on which all references agree; ReferenceDisagreement otherwise.

    `operation` names parameter set and operation, `results` are by name of the reference, `inputs` by name of the
    argument. The error shows booleans as they are, bytes by their length and the first 16 hex digits of their SHA3-256.
    """
    first, *others = results.values()
    if all(other == first for other in others):
        return first
    said = ", ".join(f"{name} says {_text(result)}" for name, result in results.items())
    given = ", ".join(f"{name} {_text(value)}" for name, value in inputs.items())
    raise ReferenceDisagreement(f"{operation}: {said}; given {given}: mend the bench before judging by this request")


def _text(value: bool | bytes) -> str:
    if isinstance(value, bool):
        return str(value)
    return f"{len(value)} bytes sha3-256:{sha3_256(value).hexdigest()[:16]}"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit statuses, and which exceptions are the user's to mend."""

from __future__ import annotations

import sys

FINDINGS = 1
UNUSABLE = 2

# Module and class. An exception of a module that was never imported cannot have been raised.
_MENDABLE = (
    ("emulator.errors", "EmulatorError"),
    ("harness.analysis.error", "AnalysisError"),
    ("harness.clause_table", "ClauseTableError"),
    ("harness.conformance.runner", "ConformanceError"),
    ("harness.fuzz.error", "FuzzError"),
    ("harness.fuzz.finding", "FindingError"),
    ("harness.fuzz.patched", "PatchError"),
    ("harness.protocol.key_image", "KeyImageError"),
    ("harness.report.error", "ReportError"),
    ("harness.sealing", "SealingError"),
    ("harness.session_log", "SessionLogError"),
    ("harness.symptoms", "SymptomError"),
    ("harness.targets.base", "TargetError"),
    ("harness.vectors.error", "VectorError"),
)


def is_mendable(error: Exception) -> bool:
    """Whether the error is about what the user gave or lacks, and its message says what to do."""
    modules = ((sys.modules.get(module), name) for module, name in _MENDABLE)
    classes = tuple(getattr(module, name) for module, name in modules if module is not None)
    return isinstance(error, (*classes, OSError, ModuleNotFoundError))


def one_line(error: Exception) -> str:
    """The message, whatever it holds, as one line."""
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is missing; run `make setup`, then `hil doctor`"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())

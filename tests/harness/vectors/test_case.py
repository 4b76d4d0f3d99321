# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases are values, and the names of kinds are part of the JSON shape."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from harness.vectors import Case, Kind, VectorFile


def test_names_of_kinds() -> None:
    assert [str(kind) for kind in Kind] == ["acvp", "cavp", "wycheproof"]


def test_cases_cannot_change_and_files_print_without_them() -> None:
    case = Case("line 3")
    with pytest.raises(FrozenInstanceError):
        case.name = "line 4"  # type: ignore[misc]
    assert "line 3" not in repr(VectorFile(Path("a"), Kind.CAVP, "X", (case,)))

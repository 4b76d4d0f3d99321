# SPDX-License-Identifier: GPL-2.0-or-later
"""A firmware with a bug behind four bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.fuzz.patched import build_patched

_PLANTED = Path(__file__).resolve().parents[2] / "planted"


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that crashes on a plaintext that begins with LOCK."""
    return build_patched(_PLANTED / "magic-in-the-plaintext.patch", "release", tmp_path_factory.mktemp("locked"))

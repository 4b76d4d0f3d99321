# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of published test vectors: those of the package cryptography-vectors, and Wycheproof's from HIL_VECTORS."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

Case = dict[str, bytes]


@pytest.fixture(scope="session")
def known_answers() -> Callable[[str], list[Case]]:
    """Reads a file of `name = hexadecimal` lines, cases parted by `count`."""

    def read(name: str) -> list[Case]:
        cases: list[Case] = []
        with cryptography_vectors.open_vector_file(name, "r") as lines:
            for line in lines:
                key, _, value = line.partition("=")
                if key.strip() == "count":
                    cases.append({})
                elif key.strip() not in ("", "mlen", "smlen"):
                    cases[-1][key.strip()] = bytes.fromhex(value)
        return cases

    return read


@pytest.fixture(scope="session")
def wycheproof() -> Callable[[str], list[Case]]:
    """Reads the cases of one file: every hexadecimal member of case and group, and `valid`, empty for false."""
    folder = os.environ.get("HIL_VECTORS")
    if folder is None:
        pytest.skip("no Wycheproof files: let HIL_VECTORS name the folder that holds wycheproof/")

    def read(name: str) -> list[Case]:
        text = (Path(folder) / "wycheproof" / name).read_text(encoding="utf-8")
        return [_case(group, case) for group in json.loads(text)["testGroups"] for case in group["tests"]]

    return read


def _case(group: dict[str, Any], case: dict[str, Any]) -> Case:
    values: Case = {"valid": b"valid" if case["result"] == "valid" else b"", "id": str(case["tcId"]).encode()}
    for name, value in (*group.items(), *case.items()):
        if name in ("privateSeed", "publicKey", "msg", "ctx", "rnd", "mu", "sig", "seed", "ek", "dk", "c", "K", "m"):
            values[name] = bytes.fromhex(value or "")
    return values

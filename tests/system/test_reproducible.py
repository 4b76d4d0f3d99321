# SPDX-License-Identifier: GPL-2.0-or-later
"""The images are the same, byte for byte, wherever the project lies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.installation import BUILT, FIRMWARE

# Build -> images; the sanitized service takes half a minute.
BUILDS = {
    "release": ("service.elf", "gateway.elf", "hostile_service.elf", "hostile_gateway.elf"),
    "debug": ("service.elf", "gateway.elf", "hostile_service.elf", "hostile_gateway.elf"),
    "fips": ("service.elf", "gateway.elf"),
    "sanitize": ("service.elf",),
}


@pytest.mark.parametrize(
    "build", [name if name == "release" else pytest.param(name, marks=pytest.mark.slow) for name in BUILDS]
)
def test_another_folder_gives_the_same_images(build: str, tmp_path: Path) -> None:
    tree = tmp_path / "somewhere" / "else"
    shutil.copytree(FIRMWARE, tree, ignore=shutil.ignore_patterns("build"))
    images = [f"build/an386/{build}/{name}" for name in BUILDS[build]]
    subprocess.run(["make", "-s", "-j2", "-C", tree, f"BUILD={build}", *images], check=True, capture_output=True)
    for image in images:
        assert (tree / image).read_bytes() == (BUILT.parent / image).read_bytes(), image


def test_the_native_library_names_no_folder_of_this_machine() -> None:
    for name in ("libservice.so", "runner"):
        assert str(FIRMWARE).encode() not in (BUILT / "native" / name).read_bytes()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Results name what they were made with."""

from pathlib import Path

from emulator.board import AN386
from emulator.image import load_image
from harness.environment import environment


def test_versions_are_named_without_an_image() -> None:
    found = environment()
    assert found["unicorn"] == "2.1.4"
    assert "python" in found
    assert "firmware compiler" not in found


def test_an_image_adds_its_compiler_and_hash(firmware: Path) -> None:
    image = load_image(firmware, AN386)
    found = environment(image)
    assert "GCC" in found["firmware compiler"]
    assert found["firmware sha256"] == image.sha256

# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets by name."""

from pathlib import Path

import pytest

from harness.targets.base import TargetError
from harness.targets.names import TARGET_NAMES
from harness.targets.opening import default_firmware, open_target


def test_every_name_opens(firmware: Path) -> None:
    for name in TARGET_NAMES:
        target = open_target(name, firmware)
        assert target.name == name
        target.close()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(TargetError, match="emulated, model"):
        open_target("abacus")


def test_a_missing_image_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="make firmware"):
        open_target("emulated", tmp_path / "none.elf")


def test_default_firmware_is_where_make_puts_it() -> None:
    assert default_firmware("an386", "debug").parts[-5:] == ("firmware", "build", "an386", "debug", "service.elf")

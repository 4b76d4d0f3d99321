# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets by name."""

from pathlib import Path

import pytest

from emulator.errors import EmulatorError
from harness.targets.base import TargetError
from harness.targets.names import TARGET_NAMES
from harness.targets.opening import default_firmware, default_native, open_target


@pytest.mark.parametrize("name", TARGET_NAMES)
def test_every_name_opens(name: str, firmware: Path) -> None:
    for path in (None, default_native() if name == "native" else firmware):
        target = open_target(name, path)
        assert target.name == name
        target.close()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(TargetError, match=r"emulated, .*model, native"):
        open_target("abacus")


def test_a_missing_image_says_how_to_get_one(tmp_path: Path) -> None:
    for name in ("emulated", "icicle", "native"):
        with pytest.raises(TargetError, match="make firmware"):
            open_target(name, tmp_path / "none.elf")


def test_an_image_for_the_board_is_no_library_for_this_machine(firmware: Path) -> None:
    with pytest.raises(TargetError, match="as a library for this machine"):
        open_target("native", firmware)


def test_default_firmware_is_where_make_puts_it() -> None:
    assert default_firmware("an386", "debug").parts[-5:] == ("firmware", "build", "an386", "debug", "service.elf")


@pytest.mark.parametrize("target", ["icicle", "qemu"])
def test_an_engine_that_waits_by_wfi_alone_takes_no_firmware_that_polls(target: str) -> None:
    board = Path(__file__).parents[3] / "examples" / "polling_firmware" / "polling.toml"
    with pytest.raises((EmulatorError, TargetError), match="WFI alone"):
        open_target(target, None, str(board))


@pytest.mark.parametrize(
    ("target", "board", "why"),
    [("icicle", "vexpress-a15", "M profile"), ("qemu", "vexpress-a15", "M profile"), ("qemu", "an383", "no machine")],
)
def test_a_board_that_an_engine_does_not_have_is_refused(target: str, board: str, why: str) -> None:
    with pytest.raises((EmulatorError, TargetError), match=why):
        open_target(target, None, board)

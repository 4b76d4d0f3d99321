# SPDX-License-Identifier: GPL-2.0-or-later
"""Which image of another build goes with the judged one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.conformance.builds import image_of, opened
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget
from harness.targets.opening import default_firmware


@pytest.fixture
def lonely(firmware: Path, tmp_path: Path) -> EmulatedTarget:
    """A release image with no other build beside it."""
    path = tmp_path / "somewhere" / "else" / "mine.elf"
    path.parent.mkdir(parents=True)
    shutil.copy(firmware, path)
    return EmulatedTarget(path)


@pytest.mark.parametrize("build", ["release", "debug", "fips"])
def test_the_images_of_make_firmware_belong_together(emulated: EmulatedTarget, build: str) -> None:
    assert image_of(emulated, build).samefile(default_firmware(build=build))


def test_an_image_alone_is_its_own_build(lonely: EmulatedTarget) -> None:
    assert image_of(lonely, "release") == lonely.image.path


def test_a_build_that_is_not_there_skips_with_a_reason(lonely: EmulatedTarget) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"no fips image beside this one .*fips/mine\.elf.*--firmware"):
        image_of(lonely, "fips")


def test_a_target_without_an_image_skips() -> None:
    with pytest.raises(pytest.skip.Exception, match="model lacks the capability memory"):
        image_of(ModelTarget(), "fips")


def test_the_judged_target_is_left_alone(emulated: EmulatedTarget) -> None:
    with opened(emulated, "release") as other:
        assert other is not emulated
        assert other.image.path == emulated.image.path
        address = other.machine.symbols.address("mlkem_keygen")
        other.patch(address, b"\x70\x47")
        assert emulated.machine.read(address, 2) != b"\x70\x47"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things lie in a checkout; tests/system/test_wheel.py has the other case."""

from pathlib import Path

from harness import installation

PROJECT = Path(__file__).parents[2]


def test_a_checkout_has_its_firmware_beside_the_package() -> None:
    assert installation.CHECKOUT == PROJECT
    assert installation.FIRMWARE == PROJECT / "firmware"
    assert installation.BUILT == PROJECT / "firmware" / "build"


def test_images_are_those_that_can_be_judged(tmp_path: Path) -> None:
    for name in ("an386/release/service.elf", "native/libservice.so", "native-memory/libservice.so", "an386/x.map"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in installation.images(tmp_path)]
    assert found == ["an386/release/service.elf", "native/libservice.so"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the project lies: one rule, for a checkout and for an installed wheel.

A wheel carries the folder `firmware`, with its sources and with what `make firmware` has built, inside this package; a
checkout has it beside this package. Whoever needs one of its files asks here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent
_CARRIED: Final = PACKAGE / "firmware"

# The folder with the project's other files, such as its tests and documents; None for an installed wheel.
CHECKOUT: Final = None if _CARRIED.is_dir() else PACKAGE.parent

FIRMWARE: Final = _CARRIED if CHECKOUT is None else CHECKOUT / "firmware"
BUILT: Final = FIRMWARE / "build"


def images(built: Path = BUILT) -> tuple[Path, ...]:
    """Every image of every board and build, and the native library, in the order of their paths."""
    found = (*built.glob("*/*/*.elf"), *built.glob("native/libservice.so"))
    return tuple(sorted(path for path in found if path.is_file()))

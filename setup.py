# SPDX-License-Identifier: GPL-2.0-or-later
"""Metadata is in pyproject.toml; here is what needs code: the native modules, and the firmware that a wheel carries."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

FIRMWARE = Path("firmware")
# Relative to its build folder: what can be judged, without what it was made from.
CARRIED = ("*/*/*.elf", "native/libservice.so", "native/runner")


class build_py_with_firmware(build_py):
    """Puts the firmware's sources and images into the package harness (harness/installation.py says why)."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self._carry_firmware(Path(self.build_lib, "harness", "firmware"))

    def _carry_firmware(self, target: Path) -> None:
        built = [path for pattern in CARRIED for path in (FIRMWARE / "build").glob(pattern)]
        if not built:
            raise SetupError("firmware/build has no images: run `make wheel`, which builds them first")
        sources = [path for path in FIRMWARE.rglob("*") if path.is_file() and "build" not in path.parts]
        for path in (*built, *sources):
            copy = target / path.relative_to(FIRMWARE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)


setup(
    cffi_modules=["emulator/native/build_core.py:ffibuilder", "harness/fuzz/native/build_engine.py:ffibuilder"],
    cmdclass={"build_py": build_py_with_firmware},
    options={"build": {"build_base": "build/wheel"}},
)

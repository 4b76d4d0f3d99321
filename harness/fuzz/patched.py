# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware with a patch: a copy of its sources with the objects that stand beside them, so that little is built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from harness.installation import FIRMWARE
from harness.targets.opening import default_firmware

_TOOLS: Final = ("git", "make", "arm-none-eabi-gcc")


class PatchError(Exception):
    """A patch does not apply, or what it makes does not build; the message names it and ends with the tool's words."""


def build_patched(patch: Path, build: str, directory: Path) -> Path:
    """The service's image of `build` with `patch`, made in `directory`, an existing folder without a `firmware`.

    The gateway's lies beside it, and only what the patch touches is compiled anew.

    What stands in front of the patch's first `diff` line is for its reader. Raises PatchError.
    """
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if absent:
        raise PatchError(f"{patch.name} needs a firmware that is built anew: install {', '.join(absent)}")
    tree, image = directory / "firmware", default_firmware(build=build)
    copy_firmware(tree, image.parent)
    # A copy inside a checkout is none of that repository's business.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(directory.resolve().parent)}
    _run(
        ["git", "apply", "--whitespace=nowarn", str(patch.resolve())],
        f"{patch.name} does not apply",
        tree.parent,
        environment,
    )
    _run(["make", f"BUILD={build}"], f"{patch.name} does not build", tree, environment)
    return tree / image.relative_to(FIRMWARE)


def copy_firmware(tree: Path, kept: Path) -> None:
    """Copy the sources, and of what was built from them the folder `kept` alone: the rest may change meanwhile."""

    def others(folder: str, names: list[str]) -> set[str]:
        if not Path(folder).is_relative_to(FIRMWARE / "build") or Path(folder).is_relative_to(kept):
            return set()
        return {name for name in names if not kept.is_relative_to(Path(folder, name))}

    shutil.copytree(FIRMWARE, tree, ignore=others)


def _run(command: list[str], complaint: str, directory: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PatchError(f"{complaint}: {(done.stderr or done.stdout).strip()}")

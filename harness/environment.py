# SPDX-License-Identifier: GPL-2.0-or-later
"""What a result was made with: versions that a reader needs to make it again."""

from __future__ import annotations

import platform
from importlib import metadata

from emulator.image import Image

PACKAGES = ("hil-bench", "unicorn", "cryptography", "pyelftools", "pytest", "hypothesis")


def environment(image: Image | None = None) -> dict[str, str]:
    """Names and versions: packages, Python, host, and the compilers that an image names."""
    found = {name: _version(name) for name in PACKAGES}
    found["python"] = platform.python_version()
    found["host"] = f"{platform.system()} {platform.machine()}"
    if image is not None:
        found["firmware compiler"] = "; ".join(image.build.compilers) or "not recorded"
        found["firmware sha256"] = image.sha256
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"

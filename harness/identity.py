# SPDX-License-Identifier: GPL-2.0-or-later
"""Which bench this is: versions, and the SHA-256 of everything that a verdict depends on.

Nothing is imported that might be missing or broken: this has to work wherever the command starts.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from harness.installation import BUILT, PACKAGE, images

_SOURCES: Final = (".py", ".j2", ".ini")
_NATIVE: Final = {
    "native core": "emulator/native/_core.*.so",
    "native fuzzing engine": "harness/fuzz/native/_engine.*.so",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bench; `version` is empty where it has none of its own, `sha256` where the part is missing."""

    name: str
    version: str
    sha256: str


def identity() -> tuple[Part, ...]:
    """The bench itself, Unicorn, the compiled parts, then every firmware image."""
    above = PACKAGE.parent
    return (
        Part("hil-bench", _version("hil-bench"), sources_digest(above)),
        Part("unicorn", _version("unicorn"), _first(_unicorn())),
        *(Part(name, "", _first(above.glob(pattern))) for name, pattern in _NATIVE.items()),
        *(Part(path.relative_to(BUILT).as_posix(), "", _digest(path)) for path in images()),
    )


def sources_digest(root: Path) -> str:
    """SHA-256 of the lines that sha256sum prints for the sources of both packages, sorted by path.

    It is the same for a checkout and the wheel that was built from it.
    """
    carried = PACKAGE / "firmware"
    files = (path for package in ("emulator", "harness") for path in (root / package).rglob("*"))
    chosen = (path for path in files if path.suffix in _SOURCES and carried not in path.parents)
    lines = [f"{_digest(path)}  {path.relative_to(root).as_posix()}\n" for path in sorted(chosen)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _unicorn() -> Iterator[Path]:
    spec = importlib.util.find_spec("unicorn")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield from Path(folder, "lib").glob("libunicorn.so.*")


def _first(paths: Iterable[Path]) -> str:
    return next((_digest(path) for path in sorted(paths)), "")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"

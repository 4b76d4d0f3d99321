# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of `hil seal` and `hil open` share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import sealed_file
from harness.protocol import key_image
from harness.protocol.key_image import KeyImage

KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Files:
    """A folder with a key image and a plaintext of three chunks, and its sealed form."""

    folder: Path
    keys: Path
    plain: Path
    sealed: Path
    out: Path

    @property
    def listing(self) -> set[Path]:
        """What is in the folder now."""
        return set(self.folder.iterdir())


@pytest.fixture
def files(tmp_path: Path, firmware: Path) -> Files:
    made = Files(tmp_path, *(tmp_path / name for name in ("keys.img", "plain", "sealed", "out")))
    made.keys.write_bytes(KeyImage((key_image.aes_slot(1, KEY), key_image.aes_slot(2, KEY[::-1]))).build())
    made.plain.write_bytes(os.urandom(2 * 61440 + 100))
    made.sealed.write_bytes(sealed_file.seal(KEY, 1, made.plain.read_bytes()))
    return made

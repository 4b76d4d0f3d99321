# SPDX-License-Identifier: GPL-2.0-or-later
"""Versions and hashes say what is there, and change with it."""

import hashlib
import subprocess
from importlib import metadata
from pathlib import Path

from emulator.board import AN386
from emulator.image import load_image
from harness.identity import identity, sources_digest
from harness.targets.opening import default_firmware


def test_every_part_has_a_hash_and_images_their_own() -> None:
    parts = {part.name: part for part in identity()}
    assert parts["hil-bench"].version == metadata.version("hil-bench")
    assert parts["unicorn"].version == metadata.version("unicorn")
    assert parts["an386/release/service.elf"].sha256 == load_image(default_firmware(), AN386).sha256
    assert {"native core", "native fuzzing engine", "an386/fips/service.elf", "native/libservice.so"} < parts.keys()
    assert all(len(part.sha256) == 64 for part in parts.values())


def test_the_digest_of_sources_is_what_sha256sum_says(tmp_path: Path) -> None:
    files = ("emulator/b.py", "harness/a.py", "harness/report/x.j2")
    for number, name in enumerate((*files, "harness/ignored.txt", "other/c.py")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}")
    listing = subprocess.run(["sha256sum", *files], cwd=tmp_path, capture_output=True, check=True).stdout
    before = sources_digest(tmp_path)
    assert before == hashlib.sha256(listing).hexdigest()
    (tmp_path / "harness" / "a.py").write_text("changed")
    assert sources_digest(tmp_path) != before

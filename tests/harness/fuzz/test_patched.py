# SPDX-License-Identifier: GPL-2.0-or-later
"""A patched image is built beside the firmware, and a patch that does not fit is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.fuzz.patched import FIRMWARE, PatchError, build_patched, copy_firmware

PATCH = """Defect: another magic in responses

diff --git a/firmware/service/ipc.c b/firmware/service/ipc.c
--- a/firmware/service/ipc.c
+++ b/firmware/service/ipc.c
@@ -14,3 +14,3 @@
 #define STATUS_SHIFT 16
-#define RESPONSE_IDENTITY (PROTOCOL_FLAGS << 24 | PROTOCOL_VERSION << 8 | RESPONSE_MAGIC)
+#define RESPONSE_IDENTITY ({identity})

"""


def written(directory: Path, text: str) -> Path:
    patch = directory / "some.patch"
    patch.write_text(text)
    return patch


def test_the_image_is_another_and_the_sources_are_as_before(tmp_path: Path, firmware: Path) -> None:
    source = (FIRMWARE / "service" / "ipc.c").read_bytes()
    image = build_patched(written(tmp_path, PATCH.format(identity="0x1C9u")), "release", tmp_path)
    assert image.read_bytes() != firmware.read_bytes()
    assert (FIRMWARE / "service" / "ipc.c").read_bytes() == source


def test_little_is_built(tmp_path: Path, firmware: Path) -> None:
    image = build_patched(written(tmp_path, PATCH.format(identity="0x1C9u")), "release", tmp_path)
    changed = {
        made.name
        for made in image.parent.rglob("*.o")
        if made.stat().st_mtime_ns != (firmware.parent / made.relative_to(image.parent)).stat().st_mtime_ns
    }
    assert changed == {"ipc.o"}


def test_of_what_is_built_one_folder_is_copied(tmp_path: Path, firmware: Path) -> None:
    """Another build may be under way, whose files come and go."""
    copy_firmware(tmp_path / "copy", firmware.parent)
    built = tmp_path / "copy" / firmware.parent.relative_to(FIRMWARE)
    assert (built / firmware.name).read_bytes() == firmware.read_bytes()
    assert (tmp_path / "copy" / "service" / "ipc.c").is_file()
    for folder in (built.parent, built.parent.parent):
        assert len(list(folder.iterdir())) == 1


def test_a_patch_that_does_not_apply_is_named(tmp_path: Path) -> None:
    patch = written(tmp_path, PATCH.format(identity="0x1C9u").replace("STATUS_SHIFT 16", "STATUS_SHIFT 17"))
    with pytest.raises(PatchError, match=r"some\.patch does not apply: .*ipc\.c"):
        build_patched(patch, "release", tmp_path)


def test_a_patch_that_does_not_build_is_named(tmp_path: Path) -> None:
    with pytest.raises(PatchError, match=r"some\.patch does not build: (?s:.*)ipc\.c"):
        build_patched(written(tmp_path, PATCH.format(identity="nonsense")), "release", tmp_path)


def test_without_a_toolchain_it_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PatchError, match=r"^some\.patch needs a firmware that is built anew: install git, make, arm-"):
        build_patched(written(tmp_path, PATCH.format(identity="0x1C9u")), "release", tmp_path)

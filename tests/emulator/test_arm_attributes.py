# SPDX-License-Identifier: GPL-2.0-or-later
"""For which core a file was built: as the compiler writes it, and whatever else stands in that section."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.arm_attributes import SECTION, architecture


def section(tmp_path: Path, core: str) -> bytes:
    source, made, content = tmp_path / "x.c", tmp_path / "x.o", tmp_path / "content"
    source.write_text("int x;")
    subprocess.run(["arm-none-eabi-gcc", f"-mcpu={core}", "-c", "-o", str(made), str(source)], check=True)
    command = ["arm-none-eabi-objcopy", "-O", "binary", f"--only-section={SECTION}"]
    subprocess.run([*command, f"--set-section-flags={SECTION}=alloc", str(made), str(content)], check=True)
    return content.read_bytes()


@pytest.mark.parametrize(
    ("core", "name", "smallest"),
    [
        ("cortex-m0", "v6S-M", None),
        ("cortex-m3", "v7-M", "cortex-m3"),
        ("cortex-m4", "v7E-M", "cortex-m4"),
        ("cortex-m7", "v7E-M", "cortex-m4"),
        ("cortex-m33", "v8-M.mainline", "cortex-m33"),
        ("cortex-a9", "v7-A", None),
    ],
)
def test_what_the_compiler_writes(tmp_path: Path, core: str, name: str, smallest: str | None) -> None:
    found = architecture(section(tmp_path, core))
    assert found is not None
    assert (str(found), found.core) == (name, smallest)
    assert not found.fits("cortex-m3") or name == "v7-M" or name.startswith("v6")


def test_what_a_core_executes(tmp_path: Path) -> None:
    m4 = architecture(section(tmp_path, "cortex-m4"))
    assert m4 is not None
    fitting = [core for core in ("cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "another") if m4.fits(core)]
    assert fitting == ["cortex-m4", "cortex-m7", "cortex-m33", "another"]


@pytest.mark.parametrize("content", [b"", b"A", b"B" + bytes(20), b"A\xff\xff\xff\xff", b"A\x05\0\0\0x"])
def test_a_section_that_says_nothing(content: bytes) -> None:
    assert architecture(content) is None


@given(st.binary(max_size=64))
def test_any_bytes_are_read_to_an_end(content: bytes) -> None:
    architecture(b"A" + content)

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from emulator import generate
from emulator.board import AN386
from emulator.errors import EmulatorError


def test_checkout_is_up_to_date() -> None:
    assert generate.stale() == []


def test_written_once_and_then_left_alone(tmp_path: Path) -> None:
    files = set(generate.write(tmp_path))
    assert {str(path.relative_to(tmp_path)) for path in files} == {
        "firmware/include/platform.h",
        "firmware/boards/an386/memory.ld",
    }
    assert generate.write(tmp_path) == []
    changed = tmp_path / "firmware/include/platform.h"
    changed.write_text("/* changed by hand */\n")
    assert generate.write(tmp_path) == [changed]


def test_header_has_the_macros_that_the_firmware_uses() -> None:
    lines = generate.platform_header(AN386).splitlines()
    assert lines[0] == "/* SPDX-License-Identifier: MIT OR Apache-2.0 */"
    assert "#define PLATFORM_WINDOW 0x21810000u" in lines
    assert "#define PLATFORM_WINDOW_SIZE 0x00023000u" in lines
    assert "#define PLATFORM_SYSTICK 0xE000E010u" in lines
    assert "#define PLATFORM_CPU_HZ 25000000u" in lines


def test_check_names_the_stale_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check", "--root", str(tmp_path)]) == 1
    report = capsys.readouterr().err
    assert f"{tmp_path}/firmware/include/platform.h: is stale" in report
    assert "python -m emulator.generate" in report
    assert not list(tmp_path.iterdir())
    assert generate.main(["--root", str(tmp_path)]) == 0
    assert generate.main(["--check", "--root", str(tmp_path)]) == 0


def test_unwritable_place_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "firmware").write_text("a file where a directory belongs")
    with pytest.raises(EmulatorError, match="cannot be written"):
        generate.write(tmp_path)
    assert generate.main(["--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1

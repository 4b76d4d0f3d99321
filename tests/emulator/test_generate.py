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
        "firmware/include/platform_gateway.h",
        "firmware/boards/an386/memory.ld",
        "firmware/boards/an386/memory_gateway.ld",
    }
    assert generate.write(tmp_path) == []
    changed = tmp_path / "firmware/include/platform.h"
    changed.write_text("/* changed by hand */\n")
    assert generate.write(tmp_path) == [changed]


def test_header_has_the_macros_that_the_firmware_uses() -> None:
    lines = generate.platform_header(AN386).splitlines()
    assert lines[0] == "/* SPDX-License-Identifier: MIT OR Apache-2.0 */"
    assert "#define PLATFORM_UTCB 0x21840000u" in lines
    assert "#define PLATFORM_WINDOW 0x21810000u" in lines
    assert "#define PLATFORM_WINDOW_SIZE 0x00023000u" in lines
    assert "#define PLATFORM_SYSTICK 0xE000E010u" in lines
    assert "#define PLATFORM_CPU_HZ 25000000u" in lines
    assert "#define PLATFORM_SHADOW_OFFSET 0x60000000u" in lines
    (areas,) = (line for line in lines if line.startswith("#define PLATFORM_SHADOW_AREAS "))
    assert "{0x60000000u, 0x80000u}, {0x64000000u, 0x80000u}, {0x64200000u, 0x200000u}" in areas


def test_the_gateways_header_names_what_it_is_granted_and_no_more() -> None:
    macros = [line.split()[1:] for line in generate.gateway_header(AN386).splitlines() if " PLATFORM_" in line]
    assert macros == [
        ["PLATFORM_GATEWAY_H"],
        ["PLATFORM_GATEWAY_H"],
        ["PLATFORM_KERNEL_PAGE", "0x21800000u"],
        ["PLATFORM_UTCB", "0x21842000u"],
        ["PLATFORM_WINDOW", "0x21810000u"],
        ["PLATFORM_WINDOW_SIZE", "0x00023000u"],
        ["PLATFORM_HOST_PORT", "0x21850000u"],
        ["PLATFORM_HOST_PORT_SIZE", "0x00021000u"],
    ]


def test_linker_memory_is_the_tasks_own() -> None:
    assert "FILTERS (rw) : ORIGIN = 0x21000000, LENGTH = 0x00800000" in generate.linker_memory(AN386)
    gateway = generate.linker_memory(AN386, AN386.gateway)
    assert "CODE (rx) : ORIGIN = 0x00200000, LENGTH = 0x00200000" in gateway
    assert "STACK (rw) : ORIGIN = 0x20201000, LENGTH = 0x00004000" in gateway
    assert "FILTERS" not in gateway


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

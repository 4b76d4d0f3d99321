# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from emulator import generate
from emulator.board import AN383, AN386, BOARDS, VEXPRESS_A15, Board
from emulator.errors import EmulatorError


def test_checkout_is_up_to_date() -> None:
    assert generate.stale() == []


def test_written_once_and_then_left_alone(tmp_path: Path) -> None:
    files = set(generate.write(tmp_path))
    assert {str(path.relative_to(tmp_path)) for path in files} == {
        f"firmware/boards/{board.name}/{name}"
        for board in BOARDS
        for name in ("platform.h", "platform_gateway.h", "machine.mk", "memory.ld", "memory_gateway.ld")
    }
    assert generate.write(tmp_path) == []
    changed = tmp_path / "firmware/boards/an386/platform.h"
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


def test_a_board_of_a_profile_has_an_interrupt_controller_in_the_place_of_systick() -> None:
    lines = generate.platform_header(VEXPRESS_A15).splitlines()
    assert "#define PLATFORM_GIC_DISTRIBUTOR 0x2C001000u" in lines
    assert "#define PLATFORM_GIC_CPU 0x2C002000u" in lines
    assert not [line for line in lines if "SYSTICK" in line]


def test_the_makefile_says_what_the_images_are_built_with() -> None:
    def makefile(board: Board) -> dict[str, str]:
        lines = (
            line.split(" := ") for line in generate.machine_makefile(board).splitlines() if not line.startswith("#")
        )
        return dict(lines)

    assert makefile(AN386) == {
        "MACHINE": "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft",
        "PROFILE": "m",
        "UART": "cmsdk",
    }
    assert makefile(AN383)["MACHINE"] == "-mcpu=cortex-m0plus -mthumb -mfloat-abi=soft"
    assert makefile(VEXPRESS_A15) == {
        "MACHINE": "-mcpu=cortex-a15 -marm -mfloat-abi=soft -mno-unaligned-access",
        "PROFILE": "a",
        "UART": "pl011",
    }


def test_linker_memory_is_the_tasks_own() -> None:
    assert "FILTERS (rw) : ORIGIN = 0x21000000, LENGTH = 0x00800000" in generate.linker_memory(AN386)
    gateway = generate.linker_memory(AN386, AN386.gateway)
    assert "CODE (rx) : ORIGIN = 0x00200000, LENGTH = 0x00200000" in gateway
    assert "STACK (rw) : ORIGIN = 0x20201000, LENGTH = 0x00004000" in gateway
    assert "FILTERS" not in gateway


def test_check_names_the_stale_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check", "--root", str(tmp_path)]) == 1
    report = capsys.readouterr().err
    assert f"{tmp_path}/firmware/boards/an386/platform.h: is stale" in report
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

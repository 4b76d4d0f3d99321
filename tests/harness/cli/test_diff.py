# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil diff --lock-step`: a difference, or a request, gone through by two engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emulator.board import AN386
from emulator.image import load_image
from harness.cli import main
from harness.protocol import codec

REFUSED = codec.encode_request(0x7F).hex()
ADMITS_NOBODY = bytes.fromhex("00207047")  # movs r0, #0; bx lr


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def broken(firmware: Path, tmp_path: Path) -> Path:
    """A service that answers RATE_LIMITED, whatever comes."""
    image = load_image(firmware, AN386)
    section = image.section(".text")
    assert section is not None
    offset = section.offset + (image.symbols["rate_limiter_admit"].address & ~1) - section.address
    contents = bytearray(firmware.read_bytes())
    contents[offset : offset + len(ADMITS_NOBODY)] = ADMITS_NOBODY
    path = tmp_path / "broken.elf"
    path.write_bytes(contents)
    return path


def test_two_engines_go_through_a_request_alike(firmware: Path) -> None:
    result = hil("diff", "--against", "icicle", "--request", REFUSED, "--json", "-")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["verdict"], found["divergence"], found["targets"]) == ("no difference", None, ["emulated", "icicle"])
    assert found["request"] == REFUSED
    assert found["instructions"] > 100


def test_a_difference_that_no_engine_makes_is_the_firmwares(broken: Path, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result = hil("diff", "--count", 5, "--lock-step", "--firmware", broken, "--json", path)
    assert result.exit_code == 1
    assert "lock-step of emulated and icicle: firmware bug" in result.output
    assert "RATE_LIMITED" in result.output
    assert json.loads(path.read_text())["lock_step"]["verdict"] == "firmware bug"


def test_without_a_difference_nothing_is_stepped(firmware: Path) -> None:
    result = hil("diff", "--count", 20, "--lock-step", "--against", "icicle", "--json", "-")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"requests": 20, "differences": 0, "first": None}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--request", "xyz"), "hexadecimal"),
        (("--request", "00" * 65545), "65545 bytes do not fit"),
        (("--request", REFUSED, "--target", "model"), "neither model nor model can be stepped"),
    ],
)
def test_what_cannot_be_stepped_is_one_clear_line(arguments: tuple[str, ...], words: str, firmware: Path) -> None:
    result = hil("diff", *arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert words in line

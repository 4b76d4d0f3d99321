# SPDX-License-Identifier: GPL-2.0-or-later
"""What `hil init` writes: a board file that can be read, with everything filled in that the image says."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.board_fields import FIELDS
from emulator.board_file import BoardFileError, find_board
from emulator.board_template import board_template
from emulator.image import load_image
from harness.targets.opening import default_firmware

EXAMPLE = Path(__file__).parents[2] / "examples" / "polling_firmware"
ELF = EXAMPLE / "build" / "polling.elf"


@pytest.fixture
def board_file(tmp_path: Path) -> Path:
    return tmp_path / "board.toml"


def test_the_example_needs_no_edit(board_file: Path) -> None:
    template = board_template(load_image(ELF, None), str(ELF))
    assert template.todo == ()
    board_file.write_text(template.text)
    made, by_hand = find_board(str(board_file)), find_board(str(EXAMPLE / "polling.toml"))
    assert (made.cpu, made.service.wait_at, made.service.stack, made.dataspaces, made.filters) == (
        by_hand.cpu,
        by_hand.service.wait_at,
        by_hand.service.stack,
        by_hand.dataspaces,
        by_hand.filters,
    )
    load_image(ELF, made)


def test_every_field_is_explained(board_file: Path) -> None:
    template = board_template(load_image(default_firmware(), None), "service.elf")
    for row in FIELDS:
        assert f"{row.meaning}" in template.text
    tomllib.loads(template.text)
    # What is only proposed is right as well, once the comment sign is gone.
    tomllib.loads(re.sub(r"(?m)^# (?=\w+ = )", "", template.text))


def test_what_no_symbol_tells_is_marked_and_asked_for(board_file: Path) -> None:
    template = board_template(load_image(default_firmware(), None), str(default_firmware()))
    pages = ("window", "kernel_page", "entropy_page", "key_storage")
    assert set(template.todo) == {"memory", *(f"shared.{page}" for page in pages)}
    board_file.write_text(template.text)
    with pytest.raises(BoardFileError, match=r"shared.window.address: still says TODO, fill it in"):
        find_board(str(board_file))


def test_filled_in_it_is_the_board_that_the_firmware_was_linked_for(board_file: Path) -> None:
    text = board_template(load_image(default_firmware(), None), str(default_firmware())).text
    for name in ("window", "kernel_page", "entropy_page", "key_storage"):
        text = text.replace(f'{name} = {{ address = "TODO" }}', f"{name} = {{ address = {getattr(AN386, name).base} }}")
    text = text.replace("size = 0x0080_0000, access", "size = 0x0100_0000, access").replace("# uart =", "uart =")
    board_file.write_text(text)
    board = find_board(str(board_file))
    assert (board.stack, board.filters, board.uart) == (AN386.stack, AN386.filters, AN386.uart)
    assert AN386.data.contains(board.data.base, board.data.size)
    assert board.bulk is not None
    assert AN386.bulk is not None
    assert AN386.bulk.contains(board.bulk.base, board.bulk.size)
    load_image(default_firmware(), board)


def test_an_image_without_symbols_leaves_more_to_fill_in(tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.elf"
    command = ["arm-none-eabi-objcopy", "--strip-all", "--rename-section", ".call_stack=.low", str(ELF), str(stripped)]
    subprocess.run(command, check=True)
    todo = board_template(load_image(stripped, None), "stripped.elf").todo
    assert {"wait", "memory", "service.stack", "shared.window"} <= set(todo)


def test_a_name_of_any_letters_stays_one_string() -> None:
    name = 'a "quoted"\\\n\x07name.elf'
    text = board_template(load_image(ELF, None), name).text
    assert tomllib.loads(text)["firmware"] == name

# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: exit statuses, shapes of --json, and one clear line for whatever a user can get wrong."""

from __future__ import annotations

import json
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import COMMANDS, main
from harness.protocol import key_image
from harness.protocol.key_image import KeyImage

HIL = [sys.executable, "-B", "-c", "from harness.cli import main; main()"]


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def assert_unusable(result: Result) -> None:
    """Exit status 2 and one line that names the tool."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("hil: ")
    assert "Traceback" not in result.output


# ---- the broken images: what is done to a sound one, and a word of the complaint ----

Breakage = Callable[[bytearray], bytearray]


def put(offset: int, layout: str, *values: int) -> Breakage:
    def change(image: bytearray) -> bytearray:
        struct.pack_into(layout, image, offset, *values)
        return image

    return change


def program_header(field: int, value: int) -> Breakage:
    """Change a 32-bit field of the first program header."""

    def change(image: bytearray) -> bytearray:
        (table,) = struct.unpack_from("<I", image, 28)
        struct.pack_into("<I", image, table + 4 * field, value)
        return image

    return change


BROKEN_ELF: dict[str, Breakage] = {
    "empty": lambda image: bytearray(),
    "no ELF": lambda image: bytearray(b"#!/bin/sh\n") + image,
    "truncated header": lambda image: image[:40],
    "truncated program headers": lambda image: image[:60],
    "truncated segment": lambda image: image[:0x1200],
    "64-bit class": put(4, "<B", 2),
    "big-endian": put(5, "<B", 2),
    "wrong version": put(6, "<B", 9),
    "wrong machine": put(18, "<H", 62),
    "relocatable": put(16, "<H", 1),
    "entry outside": put(24, "<I", 0x7000_0001),
    "program headers outside": put(28, "<I", 0x7FFF_FFFF),
    "program header size": put(42, "<H", 7),
    "no program headers": put(44, "<H", 0),
    "section headers outside": put(32, "<I", 0x7FFF_FFFF),
    "names outside": put(50, "<H", 0xFFF0),
    "segment behind the file": program_header(1, 0x7FFF_0000),
    "segment outside the board": program_header(2, 0x9000_0000),
    "load address outside": program_header(3, 0x9000_0000),
    "file size over memory size": program_header(5, 4),
    "absurd memory size": program_header(5, 0xFFFF_FFFF),
    "writable text": program_header(6, 7),
}


@pytest.mark.parametrize("what", BROKEN_ELF)
def test_a_broken_image_is_one_clear_line(firmware: Path, tmp_path: Path, what: str) -> None:
    broken = tmp_path / "broken.elf"
    broken.write_bytes(BROKEN_ELF[what](bytearray(firmware.read_bytes())))
    result = hil("diff", "--count", 1, "--firmware", broken)
    assert_unusable(result)
    assert "broken.elf" in result.stderr


BROKEN_KEYS: dict[str, Breakage] = {
    "empty": lambda image: bytearray(),
    "truncated header": lambda image: image[:10],
    "truncated slot": lambda image: image[:50],
    "too long": lambda image: image + b"\0",
    "bad magic": put(0, "<B", 0),
    "bad version": put(4, "<H", 2),
    "too many slots": put(6, "<H", 17),
    "reserved bytes": put(9, "<B", 1),
    "flipped material": put(16 + 20, "<B", 0xFF),
    "flipped digest": put(16 + 50, "<B", 0xFF),
    "flipped id": put(16, "<I", 9),
    "material too long": put(16 + 12, "<I", 0xFFFF_FFFF),
    "two slots of one id": lambda image: bytearray(key_image.encode_slots([key_image.aes_slot(1, bytes(32))] * 2)),
    "five AES keys": lambda image: bytearray(
        key_image.encode_slots([key_image.aes_slot(i, bytes(32)) for i in range(1, 6)])
    ),
    "unknown algorithm": lambda image: bytearray(key_image.encode_slots([key_image.KeySlot(1, 9, 256, 1, bytes(32))])),
    "wrong length": lambda image: bytearray(key_image.encode_slots([key_image.KeySlot(1, 1, 256, 1, bytes(31))])),
}


@pytest.mark.parametrize("command", ["show", "rotate"])
@pytest.mark.parametrize("what", BROKEN_KEYS)
def test_a_broken_key_image_is_one_clear_line_and_stays_as_it_is(tmp_path: Path, what: str, command: str) -> None:
    sound = KeyImage((key_image.aes_slot(1, bytes(range(32))),)).build()
    path = tmp_path / "keys.img"
    path.write_bytes(BROKEN_KEYS[what](bytearray(sound)))
    before = path.read_bytes()
    assert_unusable(hil("keys", command, path, *(["1"] if command == "rotate" else [])))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "arguments",
    [
        ("conform", "--target", "abacus"),
        ("conform", "--board", "toaster"),
        ("conform", "--firmware", "/no/such.elf"),
        ("conform", "--firmware", "/"),
        ("conform", "--clause", "XYZ-1"),
        ("diff", "--against", "abacus"),
        ("vectors", "/no/such.rsp"),
        ("analyze", "cost", "--build", "toaster"),
        ("keys", "show", "/no/such.img"),
        ("keys", "show", "/"),
        ("keys", "new", "/no/such/folder/keys.img"),
        ("diff", "--count", "1", "--target", "model", "--json", "/no/such/folder/result.json"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(arguments: tuple[str, ...], firmware: Path) -> None:
    assert_unusable(hil(*arguments))


def test_usage_errors_are_status_2() -> None:
    assert hil("diff", "--count", "0").exit_code == 2
    assert hil("no-such-command").exit_code == 2


# ---- what the commands do ----


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = hil(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage:")


def test_keys_are_made_shown_and_rotated(tmp_path: Path) -> None:
    path = tmp_path / "keys.img"
    assert hil("keys", "new", path, "--aes", 5, "--aes", 6).exit_code == 0
    before = KeyImage.parse(path.read_bytes())
    assert [slot.key_id for slot in before.slots if slot] == [5, 6]
    shown = hil("keys", "show", path)
    assert shown.exit_code == 0
    assert before.slot(5).material.hex() not in shown.output
    assert hil("keys", "rotate", path, 5).exit_code == 0
    after = KeyImage.parse(path.read_bytes())
    assert after.slot(5).generation == before.slot(5).generation + 1
    assert after.slot(5).material != before.slot(5).material
    assert after.slot(6) == before.slot(6)


def test_keys_new_replaces_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "keys.img"
    path.write_bytes(b"precious")
    assert_unusable(hil("keys", "new", path))
    assert path.read_bytes() == b"precious"
    assert hil("keys", "new", path, "--force").exit_code == 0


def test_diff_agrees_and_says_so_in_json(firmware: Path) -> None:
    result = hil("diff", "--count", 300, "--seed", 9, "--json", "-")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"requests": 300, "differences": 0, "first": None}


def test_a_full_disk_leaves_no_half_written_file(tmp_path: Path) -> None:
    """A file size limit stands for the full disk: the write fails in the middle."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    path = tmp_path / "keys.img"
    done = subprocess.run(
        [*HIL, "keys", "new", str(path)], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_interrupt_is_status_2_and_leaves_nothing_behind(tmp_path: Path, firmware: Path) -> None:
    result = tmp_path / "result.json"
    command = [*HIL, "diff", "--count", "10000000", "--json", str(result)]
    # A background job of a shell inherits an ignored SIGINT; a user's terminal does not ignore it.
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible) as process:
        try:
            time.sleep(2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 2
    assert errors.splitlines() == ["hil: interrupted; nothing was written"]
    assert list(tmp_path.iterdir()) == []


# ---- coverage ----


def test_conform_writes_coverage_beside_the_report_unless_unwanted(firmware: Path, tmp_path: Path) -> None:
    names = {"coverage.html", "coverage.lcov", "coverage.drcov"}
    judge = ("conform", "--firmware", firmware, "--clause", "HDR-2", "--no-secrets", "--report")
    result = hil(*judge, tmp_path / "with")
    assert result.exit_code == 0, result.output
    assert "coverage of service/: " in result.stderr
    assert names <= {path.name for path in (tmp_path / "with").iterdir()}
    assert "DA:" in (tmp_path / "with" / "coverage.lcov").read_text()
    assert hil(*judge, tmp_path / "without", "--no-coverage").exit_code == 0
    assert not names & {path.name for path in (tmp_path / "without").iterdir()}

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil open`: plaintext for an authentic file, one line and nothing else for any other."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import main


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["open", *map(str, arguments)])


def test_a_file_is_opened_and_opened_again(files: Any) -> None:
    """Each time by a service that has just been powered on (NON-1)."""
    for _ in range(2):
        result = hil(files.sealed, files.out, "--keys", files.keys)
        assert result.exit_code == 0, result.output
        assert "MiB/s" in result.stdout
        assert files.out.read_bytes() == files.plain.read_bytes()


@pytest.mark.parametrize("position", [0, 8, 12, 20, 30, 50_000, 61_500, -1])
def test_a_file_that_is_not_authentic_is_a_finding(files: Any, position: int) -> None:
    altered = bytearray(files.sealed.read_bytes())
    altered[position] ^= 3  # key 1 becomes key 2
    files.sealed.write_bytes(altered)
    before = files.listing
    result = hil(files.sealed, files.out, "--keys", files.keys)
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"hil: {files.sealed}: not authentic at byte ")
    assert files.listing == before


def test_what_a_user_can_get_wrong_is_one_line(files: Any) -> None:
    other = files.sealed.read_bytes()
    files.sealed.write_bytes(other[:8] + b"\x05" + other[9:])
    before = files.listing
    for arguments, complaint in (
        ((files.sealed, files.out, "--keys", files.keys), "give the right --keys"),
        ((files.folder / "missing", files.out, "--keys", files.keys), "missing: No such file or directory"),
        ((files.sealed, files.out, "--keys", files.folder / "none"), "none: No such file or directory"),
        ((files.sealed, files.folder, "--keys", files.keys), "is no file"),
    ):
        result = hil(*arguments)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("hil: ")
        assert complaint in line
    assert files.listing == before

# SPDX-License-Identifier: GPL-2.0-or-later
"""A file is there whole or not at all, whatever goes wrong in between."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from harness.output_file import output_file


def test_the_file_comes_with_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with output_file(path) as stream:
        stream.write(b"first ")
        assert not path.exists()
        (temporary,) = tmp_path.iterdir()
        assert temporary.stat().st_mode & 0o077 == 0
        stream.write(b"second")
    assert path.read_bytes() == b"first second"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    with output_file(tmp_path / "out"):
        pass
    (tmp_path / "other").touch()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


def write_and_fail(path: Path, error: type[BaseException]) -> None:
    with output_file(path) as stream:
        stream.write(b"new")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError])
def test_what_was_there_stays_and_nothing_is_left(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"precious")
    with pytest.raises(error):
        write_and_fail(path, error)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    with output_file(tmp_path / "link") as stream:
        stream.write(b"data")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"data"


@pytest.mark.parametrize("name", ["/dev/null", "/no/such/folder/out", "/"])
def test_what_cannot_be_replaced_is_named(name: str) -> None:
    with pytest.raises(OSError, match=re.escape(name)) as caught, output_file(Path(name)):
        pytest.fail("the block must not begin")
    assert caught.value.filename == name
    assert os.path.lexists("/dev/null")

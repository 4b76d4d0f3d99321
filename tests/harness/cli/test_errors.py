# SPDX-License-Identifier: GPL-2.0-or-later
"""Which exceptions become one line, and which are bugs that keep their traceback."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.errors import ImageError
from harness.cli import COMMANDS, main
from harness.cli.errors import is_mendable, one_line
from harness.protocol.key_image import KeyImageError
from harness.targets.base import TargetError


@pytest.mark.parametrize(
    "error", [ImageError("x"), KeyImageError("x"), TargetError("x"), OSError(2, "x"), ModuleNotFoundError("x")]
)
def test_the_users_errors_are_mendable(error: Exception) -> None:
    assert is_mendable(error)


@pytest.mark.parametrize("error", [ValueError("x"), AssertionError("x"), KeyError("x")])
def test_bugs_are_not(error: Exception) -> None:
    assert not is_mendable(error)


def test_messages_are_one_line_that_names_the_file() -> None:
    assert one_line(TargetError("a\n  b")) == "a b"
    assert one_line(OSError(28, "No space left on device", "/out")) == "/out: No space left on device"
    assert "make setup" in one_line(ModuleNotFoundError("No module named 'x'", name="x"))


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="unicorn")

    monkeypatch.setattr(importlib, "import_module", missing)
    result = CliRunner().invoke(main, ["diff"])
    assert result.exit_code == 2
    assert result.stderr == "hil: the package unicorn is missing; run `make setup`, then `hil doctor`\n"


def test_each_command_has_a_module() -> None:
    folder = Path(__file__).parents[3] / "harness" / "cli"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__", "common", "errors"} == set(COMMANDS)

# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil gdb`: what cannot be served is one line and status 2. Sessions are in tests/system/test_gdb.py."""

from __future__ import annotations

import socket
from pathlib import Path

from click.testing import CliRunner, Result

from harness.cli import main
from harness.fuzz import script as s


def hil_gdb(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["gdb", *map(str, arguments)])


def test_a_port_that_is_taken(firmware: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = hil_gdb("--port", port)
    assert result.exit_code == 2
    assert result.stderr == f"hil: port {port} is taken: name another one with --port, or 0 for any that is free\n"


def test_what_cannot_be_served(tmp_path: Path, firmware: Path) -> None:
    passes = tmp_path / "passes"
    passes.write_bytes(s.encode([s.send(9)]))
    for arguments, complaint in (
        (("--firmware", tmp_path / "none.elf"), "no such firmware image"),
        ((tmp_path / "nothing",), "No such file"),
        ((passes,), "does not fail on this firmware"),
        ((tmp_path,), "finding.json"),
        (("--gateway", passes), "leave out --gateway"),
        (("--board", "none"), "is unknown"),
    ):
        result = hil_gdb("--port", 0, *arguments)
        assert result.exit_code == 2, result.output
        assert complaint in result.stderr

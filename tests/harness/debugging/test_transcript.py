# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions in the manual are replaced by what is said now; a server that does not serve is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.debugging import transcript
from harness.debugging.transcript import DOCUMENT, PROJECT, SessionError, render, serving

PAGE = "# Page\n\n<!-- session: one -->\n```text\nold\nlines\n```\n\ntext\n"


def test_only_the_sessions_are_replaced() -> None:
    assert render(PAGE, {"one": "new\n"}) == PAGE.replace("old\nlines", "new")
    with pytest.raises(KeyError):
        render(PAGE, {"two": ""})


def test_the_manual_has_every_session() -> None:
    text = (PROJECT / DOCUMENT).read_text(encoding="utf-8")
    names = [block["name"] for block in transcript._BLOCK.finditer(text)]
    assert sorted(names) == sorted([*transcript._SCENES, "finding"])
    assert render(text, dict.fromkeys(names, "")) != text


def test_a_server_that_does_not_serve_says_why(tmp_path: Path) -> None:
    complaint = r"hil gdb does not serve: hil: .*none\.elf: no such firmware image"
    with pytest.raises(SessionError, match=complaint), serving(("--firmware", str(tmp_path / "none.elf"))):
        pass

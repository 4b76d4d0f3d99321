# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil doctor` with evidence: findings and exit status 1, none and 0, one clear line and 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.default_keys import default_keys
from harness.protocol.key_image import corrupt

REPLAY = """{"format":"hil session log","version":1,"build":"release"}
{"time_us":1000,"request":"c701020022000000","key_id":1,"nonce":"000000000000000000000001","status":0}
{"time_us":2000,"request":"c701020022000000","key_id":1,"nonce":"000000000000000000000001","status":8}
"""


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_key_storage_is_explained(tmp_path: Path) -> None:
    image = tmp_path / "keys.bin"
    image.write_bytes(default_keys().build())
    assert hil("doctor", image).output == "no symptom found\n"
    image.write_bytes(corrupt(default_keys().build(), 2))
    result = hil("doctor", image)
    assert result.exit_code == 1
    assert "status 0x04, persistent: slot 2 (key 2): digest does not match" in result.output


def test_a_session_is_explained(tmp_path: Path) -> None:
    log = tmp_path / "session.log"
    log.write_text(REPLAY)
    result = hil("doctor", "--session", log, "--json", "-")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)
    assert set(finding) == {"symptom", "evidence", "advice"}
    assert "replay" in finding["evidence"]


def test_firmware_is_explained(firmware: Path) -> None:
    assert hil("doctor", firmware).exit_code == 0


@pytest.mark.parametrize("content", [b"", b"\x7fELF"])
def test_bad_evidence_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "evidence"
    path.write_bytes(content)
    for arguments in ((path,), ("--session", path), (tmp_path,), (tmp_path / "absent",), ("--session", tmp_path)):
        result = hil("doctor", *arguments)
        assert result.exit_code == 2, arguments
        assert result.stderr.startswith("hil: ")
        assert result.stderr.count("\n") == 1

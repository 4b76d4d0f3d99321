# SPDX-License-Identifier: GPL-2.0-or-later
"""What is generated is what is checked in, and a stale file is named."""

import subprocess
from pathlib import Path

import pytest

from harness.protocol import generate

ROOT = Path(__file__).parents[3]
MARKS = "<!-- generated: {} -->\nold\n<!-- end generated -->\n"
DOCS = f"# Title\n\n{MARKS.format('statuses')}\nbetween\n{MARKS.format('operations')}end\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "protocol.md").write_text(DOCS, encoding="utf-8")
    return tmp_path


def test_nothing_is_stale() -> None:
    assert generate.stale_files(generate.render_all(ROOT)) == []


def test_headers_compile_and_hold(tmp_path: Path) -> None:
    source = tmp_path / "pins.c"
    source.write_text(
        '#include "protocol.h"\n'
        '#include "status.h"\n'
        '_Static_assert(REQUEST_MAGIC == 0xC7 && RESPONSE_MAGIC == 0xC8 && PROTOCOL_VERSION == 1, "HDR-1, HDR-2");\n'
        '_Static_assert(TYPE_AES_DECRYPT == 2 && TYPE_MLKEM_DECAPS == 0x22, "section 4");\n'
        '_Static_assert(STATUS_SUCCESS == 0 && STATUS_PAYLOAD_TOO_LARGE == 9, "section 2");\n'
        '_Static_assert(NONCE_FILTER_BITS == 16777216, "NON-3");\n'
        '_Static_assert(KEY_STORAGE_MAGIC == 0x4B4C4948, "KEY-1");\n'
        '_Static_assert(AES_ENCRYPTIONS_MAX == 4294967296, "AES-2");\n',
        encoding="utf-8",
    )
    headers = ROOT / "firmware" / "include"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    subprocess.run(["arm-none-eabi-gcc", *flags, f"-I{headers}", str(source)], check=True)


def test_writes_what_is_stale_and_leaves_the_rest(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--root", str(checkout), "--check"]) == 1
    assert "stale: firmware/include/status.h" in capsys.readouterr().out
    assert not (checkout / "firmware").exists()
    assert generate.main(["--root", str(checkout)]) == 0
    assert generate.main(["--root", str(checkout), "--check"]) == 0
    docs = (checkout / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert docs.startswith("# Title\n")
    assert docs.endswith("end\n")
    assert "\nbetween\n" in docs
    assert "old" not in docs


def test_a_changed_file_is_stale(checkout: Path) -> None:
    generate.main(["--root", str(checkout)])
    header = checkout / "firmware" / "include" / "protocol.h"
    header.write_text(header.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert generate.stale_files(generate.render_all(checkout)) == [header]


@pytest.mark.parametrize(
    ("docs", "message"),
    [(MARKS.format("statuses"), "operations"), (DOCS + MARKS.format("surprises"), "'surprises'")],
)
def test_marks_that_do_not_fit(checkout: Path, docs: str, message: str) -> None:
    (checkout / "docs" / "protocol.md").write_text(docs, encoding="utf-8")
    with pytest.raises(generate.GenerateError, match=message):
        generate.render_all(checkout)
    assert generate.main(["--root", str(checkout)]) == 2


def test_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(generate.GenerateError, match="cannot read"):
        generate.render_all(tmp_path)

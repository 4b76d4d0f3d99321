# SPDX-License-Identifier: GPL-2.0-or-later
"""The syntax of response files."""

from __future__ import annotations

import pytest

from harness.vectors import VectorError
from harness.vectors.cavp import FAIL, parse_cavp

TEXT = """\
# CAVS 1.0
#  about "this"

[Len = 8]
[use df]

Count = 0
Key = 0a
Key = 0B
FAIL

Count = 1
Key =

[Len = 16]
Count = 0
Key = ffff
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_sections_and_records(end: str) -> None:
    document = parse_cavp(TEXT.replace("\n", end))
    assert document.comments == ("CAVS 1.0", 'about "this"')
    assert set(document.parameters) == {"Len", "use df"}
    first, second = document.sections
    assert (first.line, dict(first.parameters), first.integer("Len")) == (4, {"Len": "8", "use df": None}, 8)
    assert [record.line for record in first.records] == [7, 12]
    assert first.records[0].names == ("Count", "Key", "Key", FAIL)
    assert first.records[0].all_hex("Key") == (b"\x0a", b"\x0b")
    assert first.records[0].hex("Key") == b"\x0a"
    assert first.records[1].hex("Key") == b""
    assert first.records[1].integer("Count") == 1
    assert (second.line, second.records[0].line) == (15, 16)


def test_records_without_section_and_without_empty_lines() -> None:
    document = parse_cavp("count = 0\nkey = 01\ncount = 1\nkey = 02")
    (section,) = document.sections
    assert [record.hex("key") for record in section.records] == [b"\x01", b"\x02"]
    assert not section.parameters


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# only a comment\n", "no record in the file"),
        ("[Len = 8]\n", "line 1: no record follows these parameters"),
        ("[Len = 8]\nCount = 0\n\n[Len = 16]\n", "line 4: no record follows"),
        ("[Len = 8\n", "line 1: no closing bracket"),
        ("[Len = 8]\n[Len = 8]\nCount = 0\n", "line 2: parameter 'Len' stands twice"),
        ("target: file\n", "not a CAVP, Wycheproof or ACVP file: line 1"),
        ("Count = 0\nKey\n", "line 2 is no field"),
        ("Count = 0\nFAIL = 1\n", "line 2 is no field"),
        ("Count = 0\n= 1\n", "line 2 is no field"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(VectorError, match=message):
        parse_cavp(text)


def test_layouts_parameters_and_counts_are_checked() -> None:
    section = parse_cavp("[Len = x]\nCount = 0\nKey = 0\n\nCount = 2\n").sections[0]
    record = section.records[0]
    record.expect(("Count",), ("Count", "Key"))
    with pytest.raises(VectorError, match=r"line 2: a record of Count, Key, expected Key, Count"):
        record.expect(("Key", "Count"))
    with pytest.raises(VectorError, match="line 2: Key is no hexadecimal"):
        record.hex("Key")
    section.expect({"Len"})
    with pytest.raises(VectorError, match="lacks the parameter Tag"):
        section.expect({"Len", "Tag"})
    with pytest.raises(VectorError, match="unknown parameter 'Len'"):
        section.expect(())
    with pytest.raises(VectorError, match="line 1: Len is no whole number"):
        section.integer("Len")
    with pytest.raises(VectorError, match="line 5: Count is 2, expected 1"):
        section.expect_counts("Count", section.records)

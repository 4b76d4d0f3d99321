# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from harness.report.text import counted, duration, first_line, percent, thousands, visible, xml_text


def test_visible_spells_out_what_cannot_be_seen() -> None:
    assert visible("a\r\nb\tc") == "a\nb\tc"
    assert visible("\x00\x1b[31m\x7f\r") == "\\x00\\x1b[31m\\x7f\\x0d"
    assert visible("\x85\u202e\u2066\u200b\ufeff\udc80\uffff") == "\\u0085\\u202e\\u2066\\u200b\\ufeff\\udc80\\uffff"


def test_visible_leaves_text_alone() -> None:
    assert visible("ä → ∞ 漢字 \U0001f512 <&>\"'") == "ä → ∞ 漢字 \U0001f512 <&>\"'"


def test_xml_text_keeps_exactly_what_xml_can_hold() -> None:
    allowed = "\t\n\r \x7f\x85\ud7ff\ue000\ufffd\U00010000\U0010ffff"
    assert xml_text(allowed) == allowed
    assert xml_text("a\x00\x08\x0b\x0c\x0e\x1f\ud800\udfff\ufffe\uffffb") == "ab"


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), (" \n\n", ""), ("one", "one"), ("\n  two \nthree", "two"), ("a\rb", "a")]
)
def test_first_line(text: str, line: str) -> None:
    assert first_line(text) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.00042, "0.4 ms"),
        (0.3124, "312 ms"),
        (0.99949, "999 ms"),
        (0.9999, "1.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (125.4, "2 min 5 s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers() -> None:
    assert thousands(1234567) == "1,234,567"
    assert [counted(n, "clause") for n in (0, 1, 1200)] == ["0 clauses", "1 clause", "1,200 clauses"]


@pytest.mark.parametrize(
    ("share", "text"),
    [((0, 0), "none"), ((0, 3), "0.0 %"), ((2, 3), "66.6 %"), ((9999, 10000), "99.9 %"), ((7, 7), "100 %")],
)
def test_percent_says_100_of_all_alone(share: tuple[int, int], text: str) -> None:
    assert percent(share) == text

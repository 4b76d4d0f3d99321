# SPDX-License-Identifier: GPL-2.0-or-later
"""Strict reading of hexadecimal strings and JSON objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.vectors import VectorError
from harness.vectors.fields import Fields, check_bits, parse_hex, parse_json, shortened


@pytest.mark.parametrize(("text", "value"), [("", b""), ("00fF", b"\x00\xff")])
def test_hex(text: str, value: bytes) -> None:
    assert parse_hex(text, "key") == value


@pytest.mark.parametrize("text", ["0", "0x00", "00 00", "00\n", "zz", "\uff10\uff10"])
def test_what_is_no_hex(text: str) -> None:
    with pytest.raises(VectorError, match="key is no hexadecimal string"):
        parse_hex(text, "key")


def test_a_stated_length_binds() -> None:
    check_bits("key", bytes(4), 32)
    with pytest.raises(VectorError, match="key has 32 bits where 31 are stated"):
        check_bits("key", bytes(4), 31)


def test_messages_stay_short() -> None:
    assert shortened("a" * 40) == repr("a" * 40)
    assert len(shortened("a" * 1000)) < 70


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "damaged or cut off"),
        ('{"a": 1, "a": 2}', "field a stands twice"),
        ('{"a": NaN}', "NaN is no JSON value"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "damaged or cut off"),
        ("\ufeff{}", "damaged or cut off"),
    ],
)
def test_json_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(VectorError, match=message):
        parse_json(text)


def test_fields_are_taken_by_type() -> None:
    fields = Fields({"t": "x", "h": "0aFF", "i": 3, "f": True, "l": [1], "remark": None}, "tcId 5")
    assert "t" in fields
    assert "absent" not in fields
    assert fields.text("t", ("x", "y")) == "x"
    assert (fields.hex("h"), fields.integer("i"), fields.flag("f"), fields.items("l")) == (b"\x0a\xff", 3, True, [1])
    assert "t" in fields
    assert Fields({"a": None}, "").hex_or_null("a") is None
    assert Fields({"a": "00"}, "").hex_or_null("a") == b"\0"
    with pytest.raises(VectorError, match="tcId 5: unknown field 'remark'"):
        fields.done()
    fields.skip("remark", "absent")
    fields.done()


@pytest.mark.parametrize(
    ("value", "take", "message"),
    [
        ({}, lambda f: f.text("a"), "tcId 5: field a is missing"),
        ({}, lambda f: f.hex_or_null("a"), "tcId 5: field a is missing"),
        ({"a": 1}, lambda f: f.text("a"), "a is no string"),
        ({"a": "z"}, lambda f: f.text("a", ("x", "y")), "a 'z' is unknown, only x or y"),
        ({"a": "z"}, lambda f: f.hex("a"), "tcId 5: a is no hexadecimal string"),
        ({"a": "0011"}, lambda f: f.sized_hex("a", 3), "tcId 5: a has 16 bits where 24 are stated"),
        ({"a": "1"}, lambda f: f.integer("a"), "a is no whole number"),
        ({"a": True}, lambda f: f.integer("a"), "a is no whole number"),
        ({"a": -1}, lambda f: f.integer("a"), "a is no whole number"),
        ({"a": 1.0}, lambda f: f.integer("a"), "a is no whole number"),
        ({"a": 1}, lambda f: f.flag("a"), "a is no true or false"),
        ({"a": {}}, lambda f: f.items("a"), "a is no list"),
        ({"a": []}, lambda f: f.items("a"), "a is empty"),
    ],
)
def test_fields_that_are_refused(value: dict[str, Any], take: Callable[[Fields], object], message: str) -> None:
    with pytest.raises(VectorError, match=message):
        take(Fields(value, "tcId 5"))


def test_only_objects_have_fields() -> None:
    with pytest.raises(VectorError, match="group is no JSON object"):
        Fields([], "group")

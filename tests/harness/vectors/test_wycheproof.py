# SPDX-License-Identifier: GPL-2.0-or-later
"""The frame of Wycheproof's files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.vectors import VectorError
from harness.vectors.wycheproof import expect_group, is_wycheproof, parse_wycheproof

DOCUMENT: dict[str, Any] = {
    "algorithm": "X",
    "schema": "x_schema.json",
    "numberOfTests": 2,
    "notes": {},
    "testGroups": [
        {
            "type": "XTest",
            "source": {},
            "size": 8,
            "tests": [
                {"tcId": 1, "comment": "", "flags": [], "key": "00", "result": "valid"},
                {"tcId": 3, "result": "invalid"},
            ],
        }
    ],
}


def test_groups_and_tests() -> None:
    document = parse_wycheproof(DOCUMENT)
    assert (document.algorithm, document.schema) == ("X", "x_schema.json")
    (group,) = document.groups
    assert (group.type, group.fields.integer("size")) == ("XTest", 8)
    group.fields.done()
    assert [(test.name, test.valid) for test in group.tests] == [("tcId 1", True), ("tcId 3", False)]
    assert group.tests[0].fields.hex("key") == b"\0"
    group.tests[0].fields.done()
    expect_group(group, "YTest", "XTest")
    with pytest.raises(VectorError, match="unknown type 'XTest', known: YTest"):
        expect_group(group, "YTest")


@pytest.mark.parametrize(("value", "yes"), [(DOCUMENT, True), ({"vsId": 1}, False), ([DOCUMENT], False)])
def test_recognition(value: object, yes: bool) -> None:
    assert is_wycheproof(value) is yes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(more=1), "file: unknown field 'more'"),
        (lambda d: d.update(numberOfTests=3), "numberOfTests is 3, there are 2 tests"),
        (lambda d: d.pop("algorithm"), "file: field algorithm is missing"),
        (lambda d: d["testGroups"].clear(), "testGroups is empty"),
        (lambda d: d["testGroups"][0]["tests"][1].update(tcId=1), "tcId 1 stands twice"),
        (lambda d: d["testGroups"][0]["tests"][1].pop("tcId"), "test after tcId 1: field tcId is missing"),
        (
            lambda d: d["testGroups"][0]["tests"][1].update(result="acceptable"),
            "tcId 3: result 'acceptable' is unknown",
        ),
        (lambda d: d["testGroups"].append(1), "group after tcId 3 is no JSON object"),
    ],
)
def test_what_is_refused(change: Callable[[dict[str, Any]], object], message: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(VectorError, match=message):
        parse_wycheproof(document)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The frame of ACVP's files, and how a prompt and its results become one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.vectors import VectorError
from harness.vectors.acvp import Identity, Role, is_acvp, parse_acvp

TOP: dict[str, Any] = {"vsId": 4, "algorithm": "X", "mode": "sign", "revision": "1.0", "isSample": True}
PROMPT: dict[str, Any] = {**TOP, "testGroups": [{"tgId": 1, "testType": "AFT", "tests": [{"tcId": 9, "q": "00"}]}]}
RESULTS: dict[str, Any] = {**TOP, "testGroups": [{"tgId": 1, "tests": [{"tcId": 9, "a": "01"}]}]}


def complete() -> dict[str, Any]:
    document = copy.deepcopy(PROMPT)
    document["testGroups"][0]["tests"][0].update(a="01", deferred=False)
    document["testGroups"][0].update(internalTestType="AFT", algoMode="X-sign-1.0")
    return document


@pytest.mark.parametrize(
    ("value", "role"), [(PROMPT, Role.PROMPT), (RESULTS, Role.RESULTS), (complete(), Role.COMPLETE)]
)
def test_roles_show_in_the_content(value: dict[str, Any], role: Role) -> None:
    for wrapped in (value, [{"acvVersion": "1.0"}, value]):
        assert is_acvp(wrapped)
        document = parse_acvp(wrapped)
        assert (document.role, document.identity) == (role, Identity("X", "sign", "1.0", 4))


@pytest.mark.parametrize("value", [{"numberOfTests": 1}, [PROMPT], "vsId", [{"acvVersion": "1.0"}]])
def test_what_is_not_of_this_kind(value: object) -> None:
    assert not is_acvp(value)


def test_a_pair_is_worth_a_complete_file() -> None:
    for document in (parse_acvp(PROMPT).joined(parse_acvp(RESULTS)), parse_acvp(complete())):
        assert document.role is Role.COMPLETE
        (group,) = document.groups()
        assert group.fields.text("testType") == "AFT"
        group.fields.done()
        assert group.number == 1
        (test,) = group.tests.values()
        assert (test.where, test.hex("q"), test.hex("a")) == ("tcId 9", b"\0", b"\1")
        test.done()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["testGroups"][0].update(tgId=2), "tgId 1 is in the prompt and not in the expected results"),
        (lambda d: d["testGroups"][0]["tests"][0].update(tcId=2), "tcId 9 is in the prompt and not"),
        (lambda d: d["testGroups"].append({"tgId": 2, "tests": [{"tcId": 1}]}), "tgId 2 is in the expected results"),
        (lambda d: d["testGroups"][0]["tests"].append({"tcId": 1}), "tcId 1 is in the expected results and not"),
        (lambda d: d["testGroups"][0]["tests"][0].update(q="02"), "tcId 9: q differs between prompt and expected"),
    ],
)
def test_halves_that_do_not_fit(change: Callable[[dict[str, Any]], object], message: str) -> None:
    results = copy.deepcopy(RESULTS)
    change(results)
    with pytest.raises(VectorError, match=message):
        parse_acvp(PROMPT).joined(parse_acvp(results))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(capabilities=1), "file: unknown field 'capabilities'"),
        (lambda d: d.pop("revision"), "file: field revision is missing"),
        (lambda d: d["testGroups"].append(d["testGroups"][0]), "tgId 1 stands twice"),
        (lambda d: d["testGroups"][0]["tests"].append({"tcId": 9}), "tcId 9 stands twice"),
        (lambda d: d["testGroups"][0].pop("tgId"), "tgId after 0: field tgId is missing"),
        (lambda d: d["testGroups"][0].pop("tests"), "tgId 1: field tests is missing"),
        (lambda d: d["testGroups"].append(1), "a test group is no JSON object"),
        (lambda d: d["testGroups"][0]["tests"].append(1), "a test is no JSON object"),
    ],
)
def test_what_is_refused(change: Callable[[dict[str, Any]], object], message: str) -> None:
    document = copy.deepcopy(PROMPT)
    change(document)
    with pytest.raises(VectorError, match=message):
        parse_acvp(document)

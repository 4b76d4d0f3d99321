# SPDX-License-Identifier: GPL-2.0-or-later
"""Groups and tests of a vector set become questions, with their answers or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from harness.vectors import VectorError
from harness.vectors.acvp import parse_acvp
from harness.vectors.acvp_format import AcvpFormat, AcvpTests, PromptTest, read_cases, read_prompt
from harness.vectors.fields import Fields
from harness.vectors.questions import Answer, AskedCase, Question, outputs


@dataclass(frozen=True)
class Sum(Question):
    a: bytes
    b: bytes


class SumTests(AcvpTests):
    def __init__(self, group: Fields) -> None:
        self._a = group.hex("a")

    def question(self, test: Fields) -> Question:
        return Sum(self._a, test.hex("b"))

    def answer(self, test: Fields) -> Answer:
        return outputs(sum=test.hex("sum"))


FORMAT = AcvpFormat("Sum", "1", SumTests)


def document(revision: str = "1", **test: Any) -> dict[str, Any]:
    groups = [{"tgId": 4, "a": "01", "tests": [{"tcId": 9, "b": "02", **test}]}]
    return {"vsId": 1, "algorithm": "S", "revision": revision, "testGroups": groups}


def test_questions_with_and_without_answers() -> None:
    question = Sum(b"\1", b"\2")
    parsed = read_cases(parse_acvp(document(sum="03", deferred=False)), FORMAT)
    assert parsed.algorithm == "Sum"
    assert parsed.cases == (AskedCase("tcId 9", question, outputs(sum=b"\3")),)
    assert read_prompt(parse_acvp(document()), FORMAT) == (PromptTest(4, 9, question),)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (document(revision="2"), "revision '2' is unknown, only 1 can be read"),
        (document(sum="03"), "tcId 9: unknown field 'sum'"),
    ],
)
def test_prompts_that_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(VectorError, match=message):
        read_prompt(parse_acvp(changed), FORMAT)


def test_unknown_fields_of_groups_and_answers() -> None:
    changed = document(sum="03", deferred=False, c="")
    with pytest.raises(VectorError, match="tcId 9: unknown field 'c'"):
        read_cases(parse_acvp(changed), FORMAT)
    changed["testGroups"][0]["d"] = ""
    with pytest.raises(VectorError, match="tgId 4: unknown field 'd'"):
        read_cases(parse_acvp(changed), FORMAT)

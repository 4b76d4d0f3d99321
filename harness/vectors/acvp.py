# SPDX-License-Identifier: GPL-2.0-or-later
"""NIST's ACVP vector sets in JSON (pages.nist.gov/ACVP), whatever they are about.

A set comes as one file that has the answers beside the questions (internalProjection), or as two: a prompt and the
expected results, which belong together by algorithm, mode, revision and vsId. What a file is shows in its content: the
groups of results say nothing but their tests, the tests of an internalProjection say whether they are `deferred`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, shortened

# What no case needs: remarks of the generator beside the contents.
_TOP_REMARKS = ("isSample",)
_GROUP_REMARKS = ("internalTestType", "algoMode")
_TEST_REMARKS = ("deferred",)


class Role(Enum):
    """Which file of a vector set it is."""

    PROMPT = auto()
    RESULTS = auto()
    COMPLETE = auto()


@dataclass(frozen=True, slots=True)
class Identity:
    """What prompt and results have in common, and no other files."""

    algorithm: str
    mode: str
    revision: str
    vector_set: int

    def __str__(self) -> str:
        name = " ".join(filter(None, (self.algorithm, self.mode, self.revision)))
        return f"{shortened(name)} of vsId {self.vector_set}"


@dataclass(frozen=True, slots=True)
class AcvpGroup:
    """A group: its fields without number and tests, and the tests' fields by number, which `where` names as well."""

    number: int
    fields: Fields
    tests: Mapping[int, Fields]


# tgId -> (fields of the group, tcId -> fields of the test)
_Groups = Mapping[int, tuple[dict[str, Any], Mapping[int, dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class AcvpDocument:
    """One file. `groups` gives the contents to a primitive once prompt and results have been joined."""

    identity: Identity
    role: Role
    _groups: _Groups = field(repr=False)

    def groups(self) -> tuple[AcvpGroup, ...]:
        """At least one group, at least one test in each; what a primitive does not take, its `done` calls refuse."""
        return tuple(
            AcvpGroup(
                group_id,
                _without(group, f"tgId {group_id}", *_GROUP_REMARKS),
                {test_id: _without(test, f"tcId {test_id}", *_TEST_REMARKS) for test_id, test in tests.items()},
            )
            for group_id, (group, tests) in self._groups.items()
        )

    def joined(self, results: AcvpDocument) -> AcvpDocument:
        """This prompt with the answers of `results`; VectorError unless both have the same groups and tests."""
        _same_ids("tgId", self._groups, results._groups)
        joined: dict[int, tuple[dict[str, Any], Mapping[int, dict[str, Any]]]] = {}
        for group_id, (group, tests) in self._groups.items():
            answers = results._groups[group_id][1]
            _same_ids("tcId", tests, answers)
            joined[group_id] = group, {i: _merged(i, test, answers[i]) for i, test in tests.items()}
        return AcvpDocument(self.identity, Role.COMPLETE, joined)


def is_acvp(value: object) -> bool:
    """Whether a JSON value looks like a file of this kind, sound or not."""
    value = _unwrapped(value)
    return isinstance(value, dict) and "vsId" in value


def parse_acvp(value: object) -> AcvpDocument:
    """One file of a vector set; VectorError for an unknown field at the top or a number that stands twice."""
    top = Fields(_unwrapped(value), "file")
    identity = Identity(
        top.text("algorithm"),
        top.text("mode") if "mode" in top else "",
        top.text("revision"),
        top.integer("vsId"),
    )
    top.skip(*_TOP_REMARKS)
    groups: dict[int, tuple[dict[str, Any], Mapping[int, dict[str, Any]]]] = {}
    test_ids: set[int] = set()
    for item in top.items("testGroups"):
        group = _object(item, "test group")
        group_id = _number(group, "tgId", set(groups))
        tests: dict[int, dict[str, Any]] = {}
        for entry in Fields(group, f"tgId {group_id}").items("tests"):
            test = _object(entry, "test")
            test_id = _number(test, "tcId", test_ids)
            test_ids.add(test_id)
            tests[test_id] = _other_than(test, "tcId")
        groups[group_id] = _other_than(group, "tgId", "tests"), tests
    top.done()
    return AcvpDocument(identity, _role(groups), groups)


def _unwrapped(value: object) -> object:
    """What the server sends: the vector set itself, or a list of the protocol's version and the vector set."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], dict) and set(value[0]) == {"acvVersion"}:
        return value[1]
    return value


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise VectorError(f"a {what} is no JSON object: the file is damaged")
    return value


def _other_than(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: content for name, content in value.items() if name not in names}


def _number(value: dict[str, Any], name: str, taken: set[int]) -> int:
    number = Fields(value, f"{name} after {max(taken, default=0)}").integer(name)
    if number in taken:
        raise VectorError(f"{name} {number} stands twice: the file is damaged")
    return number


def _role(groups: _Groups) -> Role:
    if not any(group for group, _ in groups.values()):
        return Role.RESULTS
    if any("deferred" in test for _, tests in groups.values() for test in tests.values()):
        return Role.COMPLETE
    return Role.PROMPT


def _without(value: Mapping[str, Any], where: str, *remarks: str) -> Fields:
    fields = Fields(value, where)
    fields.skip(*remarks)
    return fields


def _same_ids(name: str, prompt: Mapping[int, Any], results: Mapping[int, Any]) -> None:
    for number in sorted(prompt.keys() - results.keys()):
        raise VectorError(f"{name} {number} is in the prompt and not in the expected results: give those of this set")
    for number in sorted(results.keys() - prompt.keys()):
        raise VectorError(f"{name} {number} is in the expected results and not in the prompt: give that of this set")


def _merged(number: int, test: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    for name in sorted(test.keys() & answer.keys()):
        if test[name] != answer[name]:
            raise VectorError(f"tcId {number}: {name} differs between prompt and expected results")
    return {**test, **answer}

# SPDX-License-Identifier: GPL-2.0-or-later
"""Project Wycheproof's JSON files (github.com/C2SP/wycheproof, testvectors_v1), whatever they are about."""

from __future__ import annotations

from dataclasses import dataclass

from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, shortened

# What a group and a test have in every schema, and no case needs.
_GROUP_REMARKS = ("source",)
_TEST_REMARKS = ("comment", "flags")


@dataclass(frozen=True, slots=True)
class WycheproofTest:
    """One test: its fields, its number removed, and whether the operation has to succeed."""

    name: str
    valid: bool
    fields: Fields


@dataclass(frozen=True, slots=True)
class WycheproofGroup:
    """A group: its fields, `type` and `tests` removed, and its tests."""

    type: str
    fields: Fields
    tests: tuple[WycheproofTest, ...]


@dataclass(frozen=True, slots=True)
class WycheproofDocument:
    """A whole file; at least one group, at least one test in each."""

    algorithm: str
    schema: str
    groups: tuple[WycheproofGroup, ...]


def is_wycheproof(value: object) -> bool:
    """Whether a JSON value looks like a file of this kind, sound or not."""
    return isinstance(value, dict) and "numberOfTests" in value


def parse_wycheproof(value: object) -> WycheproofDocument:
    """The document; what its primitive does not take of groups and tests, the primitive's `done` calls refuse.

    VectorError for an unknown field at the top, a test number that stands twice, or a wrong number of tests.
    """
    top = Fields(value, "file")
    algorithm, schema, stated = top.text("algorithm"), top.text("schema"), top.integer("numberOfTests")
    top.skip("header", "notes")
    numbers: set[int] = set()
    groups = tuple(_group(group, numbers) for group in top.items("testGroups"))
    top.done()
    found = sum(len(group.tests) for group in groups)
    if found != stated:
        raise VectorError(f"numberOfTests is {stated}, there are {found} tests: the file is damaged")
    return WycheproofDocument(algorithm, schema, groups)


def _group(value: object, numbers: set[int]) -> WycheproofGroup:
    fields = Fields(value, f"group after tcId {max(numbers, default=0)}")
    fields.skip(*_GROUP_REMARKS)
    return WycheproofGroup(fields.text("type"), fields, tuple(_test(test, numbers) for test in fields.items("tests")))


def _test(value: object, numbers: set[int]) -> WycheproofTest:
    number = Fields(value, f"test after tcId {max(numbers, default=0)}").integer("tcId")
    if number in numbers:
        raise VectorError(f"tcId {number} stands twice: the file is damaged")
    numbers.add(number)
    fields = Fields(value, f"tcId {number}")
    fields.skip("tcId", *_TEST_REMARKS)
    return WycheproofTest(fields.where, fields.text("result", ("valid", "invalid")) == "valid", fields)


def expect_group(group: WycheproofGroup, *types: str) -> None:
    """VectorError unless the group's type is one of `types`."""
    if group.type not in types:
        raise VectorError(f"{group.fields.where}: unknown type {shortened(group.type)}, known: {', '.join(types)}")

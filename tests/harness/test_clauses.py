# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of clauses is whole and unambiguous."""

from collections import Counter

from harness.clauses import CLAUSES

NUMBERED = {
    "IPC": 6,
    "HDR": 3,
    "VAL": 1,
    "AES": 3,
    "DSA": 2,
    "KEM": 3,
    "RNG": 3,
    "NON": 4,
    "RATE": 2,
    "KEY": 3,
    "FIPS": 2,
    "BLD": 1,
    "SEC": 2,
    "ISO": 3,
    "CLI": 3,
}


def test_every_clause_of_the_contract_is_listed_once() -> None:
    expected = {f"{chapter}-{number}" for chapter, count in NUMBERED.items() for number in range(1, count + 1)}
    assert Counter(clause.id for clause in CLAUSES) == Counter(expected)


def test_every_clause_says_what_it_demands() -> None:
    assert all(clause.demand and clause.chapter for clause in CLAUSES)

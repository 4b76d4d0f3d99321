# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding has an identity that its input does not change."""

from __future__ import annotations

from dataclasses import replace

from harness.fuzz import script as s
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.finding import KINDS, identity, observe, same_finding
from harness.fuzz.place import Place

FAULT, HANG = (s.encode([s.fill(1, key), s.fill(30), s.send(1)]) for key in (0x41, 0x42))


def test_observed_behind_a_failing_run(planted_executor: Executor) -> None:
    verdict = planted_executor.run(FAULT)
    finding = observe(planted_executor, FAULT, verdict)
    assert finding.kind == "fault"
    assert finding.id.startswith("fault-")
    assert finding.script == FAULT
    assert finding.firmware_sha256 == planted_executor.target.image.sha256
    assert finding.chain[0].function == "aes_encrypt_check"
    assert finding.row(3, "a/b").as_json() == {"id": finding.id, "kind": "fault", "location": finding.location}
    assert (finding.row(3, "a/b").count, finding.row(3, "a/b").input) == (3, "a/b")


def test_an_id_is_kind_and_signature_alone() -> None:
    place = Place("fault", "somewhere", ("a", "b"), (), "report")
    assert identity(place) == identity(replace(place, location="elsewhere", report="other"))
    others = (replace(place, signature=("a",)), replace(place, signature=("b", "a")), replace(place, kind="hang"))
    assert len({identity(place), *map(identity, others)}) == 4
    # Folders of earlier campaigns are named by it: printf 'fault\na\nb' | sha256sum
    assert identity(place) == "fault-eb70853871d0"


def test_the_same_finding_is_recognised(planted_executor: Executor) -> None:
    planted_executor.run(FAULT)
    finding = observe(planted_executor, FAULT, Verdict.FAULT)
    shows = same_finding(planted_executor, finding.id)
    assert shows(FAULT)
    assert shows(s.encode([s.send(7), s.fill(1, 0x41), s.fill(999), s.send(1)]))
    assert not shows(HANG)
    assert not shows(b"")


def test_kinds_are_the_verdicts_in_words() -> None:
    assert set(KINDS) == {
        *("fault", "hang", "unanswered", "malformed", "status", "double-fetch", "mismatch", "residue", "sanitizer")
    }

# SPDX-License-Identifier: GPL-2.0-or-later
"""What SARIF 2.1.0 demands of the objects that are written, and what of a finding is found again in them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from harness.fuzz.finding import KINDS
from harness.report.findings import CampaignRun, FindingRow, StackFrame
from harness.report.sarif import render_sarif
from harness.report.text import visible

# By the specification: the properties of each object that may be there, with those that must (sections 3.13 to 3.52).
PROPERTIES = {
    "run": {"tool", "artifacts", "originalUriBaseIds", "properties", "results"},
    "result": {
        *("ruleId", "ruleIndex", "level", "message", "fingerprints", "occurrenceCount", "properties"),
        *("locations", "stacks", "attachments"),
    },
    "location": {"message", "logicalLocations", "physicalLocation"},
}


def _run(run: CampaignRun) -> dict[str, Any]:
    document = json.loads(render_sarif(run))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (made,) = document["runs"]
    assert set(made) == PROPERTIES["run"]
    rules = made["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in made["results"]:
        assert set(result) <= PROPERTIES["result"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert len(result["locations"]) == 1
        frames = [frame["location"] for stack in result.get("stacks", ()) for frame in stack["frames"]]
        for location in (*result["locations"], *frames):
            assert set(location) <= PROPERTIES["location"]
    return dict(made)


def test_rules_are_the_kinds(campaign: CampaignRun) -> None:
    made = _run(campaign)
    assert [rule["id"] for rule in made["tool"]["driver"]["rules"]] == ["fault", "hang", "mismatch", "status"]
    assert made["tool"]["driver"]["semanticVersion"] == "0.1.0"
    every = _run(replace(campaign, kinds=KINDS))
    texts = [rule["shortDescription"]["text"] for rule in every["tool"]["driver"]["rules"]]
    assert len(set(texts)) == len(KINDS)
    assert "A finding of the fuzzer." not in texts


def test_the_image_is_named_with_its_hash(campaign: CampaignRun) -> None:
    (artifact,) = _run(campaign)["artifacts"]
    assert artifact["location"]["uri"] == campaign.firmware
    assert artifact["hashes"] == {"sha-256": campaign.firmware_sha256}


def test_a_finding_is_at_its_source_line_with_its_stack(campaign: CampaignRun) -> None:
    fault, _ = _run(campaign)["results"]
    (location,) = fault["locations"]
    place = location["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "firmware/crypto/wipe.c", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 20}
    assert location["logicalLocations"] == [{"name": "wipe", "kind": "function"}]
    frames = fault["stacks"][0]["frames"]
    assert [frame["location"]["message"]["text"] for frame in frames] == [f.text for f in campaign.findings[0].chain]
    assert "physicalLocation" not in frames[1]["location"]
    assert fault["fingerprints"] == {"hilFinding/v1": "fault-0123456789ab"}
    assert fault["occurrenceCount"] == 7
    assert fault["properties"]["scriptSha256"] == "cd" * 32
    assert fault["attachments"][0]["artifactLocation"]["uri"] == "fault-0123456789ab/input.bin"
    assert campaign.findings[0].report in fault["message"]["text"]


def test_a_finding_without_a_line_is_in_the_image(campaign: CampaignRun) -> None:
    _, mismatch = _run(campaign)["results"]
    place = mismatch["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": campaign.firmware}}
    assert "stacks" not in mismatch


def test_paths_are_uris(campaign: CampaignRun) -> None:
    row = replace(campaign.findings[0], chain=(StackFrame("f", "f", "a b/ä#.c", 1), StackFrame("g", "g", "/x/y.c", 2)))
    made = _run(replace(campaign, firmware="/tmp/my image.elf", findings=(row,)))
    frames = made["results"][0]["stacks"][0]["frames"]
    uris = [frame["location"]["physicalLocation"]["artifactLocation"]["uri"] for frame in frames]
    assert uris == ["firmware/a%20b/%C3%A4%23.c", "file:///x/y.c"]
    assert made["artifacts"][0]["location"]["uri"] == "file:///tmp/my%20image.elf"


def test_hostile_text_is_made_visible(hostile: str) -> None:
    finding = FindingRow(hostile, hostile, hostile, (StackFrame(hostile, hostile, hostile, 1),), hostile, hostile)
    (result,) = _run(CampaignRun(hostile, hostile, hostile, hostile, (hostile,), (finding,)))["results"]
    shown = [
        result["message"]["text"],
        *(frame["location"]["message"]["text"] for frame in result["stacks"][0]["frames"]),
    ]
    assert shown == [visible(text) for text in shown]
    assert "\\x1b" in shown[0]


def test_an_empty_campaign_is_a_document() -> None:
    assert _run(CampaignRun("f.elf", "", "", "0", ("fault",), ()))["results"] == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""SARIF 2.1.0 (OASIS), as code hosts and editors read it: a rule per kind of finding, a result per finding.

Paths of sources are relative to the project, by the base id SRCROOT; a finding without a source line is in the image.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from harness.report.findings import CampaignRun, FindingRow, StackFrame
from harness.report.text import visible

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

# Where in the project the firmware lies whose debug information names the files.
_FIRMWARE_FOLDER: Final = "firmware/"

_RULES: Final[dict[str, str]] = {
    "fault": "The service did what the processor or its grants do not allow (IPC-6).",
    "hang": "The service did not answer within its bound of instructions (IPC-6).",
    "unanswered": "The service waits and has not answered the doorbell (IPC-3).",
    "malformed": "The response's header is none (HDR-2, HDR-3).",
    "status": "The response's status is not in the table (HDR-2).",
    "double-fetch": "A request byte was read twice, or the response area at all (IPC-4).",
    "mismatch": "The answer is another than the contract demands.",
    "residue": "A secret has stayed in memory, registers or window (SEC-1).",
    "sanitizer": "The sanitized build has stopped itself.",
}


def render_sarif(run: CampaignRun) -> bytes:
    """The document in UTF-8, one run in it."""
    kinds = sorted({*run.kinds, *(finding.kind for finding in run.findings)})
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "hil",
                        "semanticVersion": run.tool_version,
                        "rules": [_rule(kind) for kind in kinds],
                    }
                },
                "artifacts": [
                    {
                        "location": {"uri": _uri(run.firmware)},
                        "roles": ["analysisTarget"],
                        "hashes": {"sha-256": run.firmware_sha256},
                    }
                ],
                "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the project's folder"}}},
                "properties": {"executions": run.executions, "firmwareBuild": visible(run.firmware_build)},
                "results": [_result(finding, kinds.index(finding.kind), run.firmware) for finding in run.findings],
            }
        ],
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def _rule(kind: str) -> dict[str, Any]:
    text = _RULES.get(kind, "A finding of the fuzzer.")
    return {"id": kind, "shortDescription": {"text": text}, "defaultConfiguration": {"level": "error"}}


def _result(finding: FindingRow, rule: int, firmware: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": f"{visible(finding.location)}\n\n{visible(finding.report)}"},
        "fingerprints": {"hilFinding/v1": finding.id},
        "occurrenceCount": finding.count,
        "properties": {"scriptSha256": finding.script_sha256},
    }
    place = next((frame for frame in finding.chain if frame.file and frame.line), None)
    result["locations"] = [_location(place) if place else _in_image(finding, firmware)]
    if finding.chain:
        frames = [{"location": _location(frame)} for frame in finding.chain]
        result["stacks"] = [{"message": {"text": "call chain, innermost first"}, "frames": frames}]
    if finding.input:
        result["attachments"] = [
            {"description": {"text": "input that shows it"}, "artifactLocation": {"uri": _uri(finding.input)}}
        ]
    return result


def _in_image(finding: FindingRow, firmware: str) -> dict[str, Any]:
    return {
        "message": {"text": visible(finding.location)},
        "physicalLocation": {"artifactLocation": {"uri": _uri(firmware)}},
    }


def _location(frame: StackFrame) -> dict[str, Any]:
    location: dict[str, Any] = {"message": {"text": visible(frame.text)}}
    if frame.function:
        location["logicalLocations"] = [{"name": visible(frame.function), "kind": "function"}]
    if frame.file and frame.line:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(_in_project(frame.file)), "uriBaseId": "SRCROOT"},
            "region": {"startLine": frame.line},
        }
    return location


def _in_project(file: str) -> str:
    return file if file.startswith(("/", _FIRMWARE_FOLDER)) else _FIRMWARE_FOLDER + file


def _uri(path: str) -> str:
    """A relative reference (RFC 3986), or a file's URI for an absolute path."""
    escaped = quote(path.encode("utf-8", "surrogateescape"))
    return f"file://{escaped}" if path.startswith("/") else escaped

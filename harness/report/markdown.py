# SPDX-License-Identifier: GPL-2.0-or-later
"""A conformance run as a page of documentation, in Markdown."""

from __future__ import annotations

from harness.report.results import ConformanceRun

_LONGEST_DETAIL = 120


def page(run: ConformanceRun) -> str:
    """What was judged, the sums, and the table by clause."""
    counts = {outcome: sum(c.outcome == outcome for c in run.clauses) for outcome in ("passed", "failed", "skipped")}
    ran = sum(case.outcome != "skipped" for case in run.cases)
    facts = {
        "firmware": f"`{run.firmware}`, board {run.board}, sha256 `{run.firmware_sha256}`" if run.firmware else "",
        **{name: value for name, value in run.environment.items() if name in ("qemu", "firmware compiler", "host")},
        "clauses": ", ".join(f"{count} {outcome}" for outcome, count in counts.items()),
        "cases": f"{ran} judged, {len(run.cases) - ran} skipped",
        "exchanges": f"{run.exchanges}, each compared with the model bit for bit",
        "time": f"{run.seconds:.0f} s",
    }
    lines = [
        f"# Conformance: {run.target}",
        "",
        f"Written by `hil conform --target {run.target} --document FILE`. A clause passes when some of its cases were",
        "judged and none failed; one of which no case could be judged is skipped, with what the target lacks.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {_cell(value)} |" for name, value in facts.items() if value),
        "",
        "| clause | outcome | cases | detail |",
        "| --- | --- | ---: | --- |",
        *(f"| {c.id} | {c.outcome} | {c.cases} | {_cell(c.detail[:_LONGEST_DETAIL])} |" for c in run.clauses),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

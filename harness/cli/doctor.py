# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil doctor`: the environment, or what a field problem's evidence says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from harness.cli.common import board_option, console, json_option, status_console, write_json
from harness.cli.errors import FINDINGS, UNUSABLE
from harness.doctor import diagnose

if TYPE_CHECKING:  # needs the engine, which may be what is missing
    from harness.symptoms import Finding


@click.command()
@click.argument("evidence", required=False, type=click.Path(path_type=Path))
@click.option("--session", type=click.Path(path_type=Path), metavar="FILE", help="explain a session log")
@board_option
@json_option
def doctor(evidence: Path | None, session: Path | None, board: str, json_path: str | None) -> None:
    """Check the environment; or explain a field problem from EVIDENCE, a key storage or firmware image, or a log.

    Without evidence: toolchain and packages, and that the emulator engine still behaves as the bench relies on.
    """
    if evidence is None and session is None:
        _environment(json_path)
        return
    findings: list[Finding] = []
    if evidence is not None:
        findings += _examine(evidence, board)
    if session is not None:
        from harness.session_log import read_session
        from harness.session_symptoms import examine_session

        findings += examine_session(read_session(session))
    if json_path != "-":
        _print_findings(findings)
    write_json(json_path, [{"symptom": f.symptom, "evidence": f.evidence, "advice": f.advice} for f in findings])
    sys.exit(FINDINGS if findings else 0)


def _examine(path: Path, board: str) -> tuple[Finding, ...]:
    """A firmware image by its magic; everything else is taken for key storage."""
    from harness.protocol.commands import KEY_STORAGE_SIZE
    from harness.symptoms import ELF_MAGIC, examine_firmware, examine_key_storage

    with path.open("rb") as file:
        data = file.read(KEY_STORAGE_SIZE + 1)
    return examine_firmware(path, board) if data.startswith(ELF_MAGIC) else examine_key_storage(data)


def _print_findings(findings: list[Finding]) -> None:
    for finding in findings:
        console.print(f"[bold red]{escape(finding.symptom)}[/]: {escape(finding.evidence)}", highlight=False)
        console.print(f"     {escape(finding.advice)}", highlight=False)
    if not findings:
        console.print("no symptom found", highlight=False)


def _environment(json_path: str | None) -> None:
    with status_console.status("checking"):
        checks = diagnose()
    if json_path != "-":
        for check in checks:
            mark = "[green]ok[/]  " if check.ok else "[bold red]bad[/] "
            console.print(f"{mark}{escape(check.name)}: {escape(check.found)}", highlight=False)
            if not check.ok:
                console.print(f"     {escape(check.advice)}", highlight=False)
    write_json(json_path, [{"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks])
    sys.exit(0 if all(check.ok for check in checks) else UNUSABLE)

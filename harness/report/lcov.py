# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage as an LCOV tracefile (geninfo(1), FILES), for genhtml, editors and services that show coverage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator.source_coverage import FileCoverage, SourceCoverage


def render_lcov(coverage: SourceCoverage, root: Path | None = None) -> str:
    """The tracefile. Counts are executions; BRDA's blocks are the branches of a line, in the order of the code.

    `root` is put before the names of the sources, for tools to find them.
    """
    return "".join(f"{record}\n" for file in coverage.files for record in _records(file, root))


def _records(file: FileCoverage, root: Path | None) -> Iterator[str]:
    yield "TN:"
    yield f"SF:{root / file.name if root else file.name}"
    for function in file.functions:
        yield f"FN:{function.line},{function.name}"
    for function in file.functions:
        yield f"FNDA:{function.times},{function.name}"
    yield f"FNF:{file.function_share.found}"
    yield f"FNH:{file.function_share.hit}"
    line, block = 0, 0
    for branch in file.branches:
        block = block + 1 if branch.line == line else 0
        line = branch.line
        for way, times in enumerate(branch.times):
            yield f"BRDA:{line},{block},{way},{times if branch.reached else '-'}"
    yield f"BRF:{file.branch_share.found}"
    yield f"BRH:{file.branch_share.hit}"
    for entry in file.lines:
        yield f"DA:{entry.line},{entry.times}"
    yield f"LF:{file.line_share.found}"
    yield f"LH:{file.line_share.hit}"
    yield "end_of_record"

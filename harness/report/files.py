# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts reports on disk so that at every moment a whole one is there, the old or the new."""

import errno
import json
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from markupsafe import Markup

from harness.report.cost import CostRow
from harness.report.coverage import CoverageReport
from harness.report.coverage_html import render_coverage_html
from harness.report.drcov import render_drcov
from harness.report.error import ReportError
from harness.report.html import ClauseTests, render_html
from harness.report.junit import render_junit
from harness.report.lcov import render_lcov
from harness.report.results import ConformanceRun


def write_report(
    run: ConformanceRun,
    directory: Path,
    cost: Sequence[CostRow] = (),
    *,
    picture: Markup | None = None,
    tests: ClauseTests | None = None,
    coverage: CoverageReport | None = None,
) -> tuple[Path, ...]:
    """Writes report.html, report.json (`run.as_json()`) and junit.xml; returns their paths in this order.

    With coverage, coverage.html, coverage.lcov and coverage.drcov come behind them. `cost`, `picture` and `tests` are
    for the page: see `render_html`. Makes `directory` where it is missing. Raises ReportError, an earlier report there
    being untouched, when anything cannot be written.
    """
    source = coverage.source if coverage else None
    page = render_html(run, cost, picture=picture, tests=tests, coverage=source)
    files = {
        directory / "report.html": page.encode("utf-8"),
        directory / "report.json": (json.dumps(run.as_json(), indent=2) + "\n").encode("ascii"),
        directory / "junit.xml": render_junit(run),
    }
    if coverage is not None:
        files |= _coverage_files(coverage, directory)
    make_folder(directory)
    atomic_write_all(files)
    return tuple(files)


def write_coverage(coverage: CoverageReport, directory: Path) -> tuple[Path, ...]:
    """Writes coverage.html, coverage.lcov and coverage.drcov alone; otherwise as `write_report`."""
    files = _coverage_files(coverage, directory)
    make_folder(directory)
    atomic_write_all(files)
    return tuple(files)


def _coverage_files(coverage: CoverageReport, directory: Path) -> dict[Path, bytes]:
    return {
        directory / "coverage.html": render_coverage_html(coverage).encode("utf-8"),
        directory / "coverage.lcov": render_lcov(coverage.source, coverage.root).encode("utf-8"),
        directory / "coverage.drcov": render_drcov(coverage.image, coverage.data),
    }


def make_folder(directory: Path) -> None:
    """Makes a folder where it is missing. Raises ReportError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _cannot_write(directory, error) from error


def atomic_write(path: Path, data: bytes) -> None:
    """Replaces the content of `path` by `data`, wholly or not at all.

    The data go to a new file in the same directory, which then takes the place of the old one; whatever goes wrong,
    Ctrl-C included, the new file is removed and the old one stays. A symbolic link stays one: what it points to is
    replaced. A device or pipe cannot be replaced, so it is written to. Raises ReportError.
    """
    atomic_write_all({path: data})


def atomic_write_all(files: Mapping[Path, bytes]) -> None:
    """`atomic_write` of several files: the first old one is replaced when the last new one is complete.

    Raises ReportError.
    """
    staged: list[tuple[Path, Path]] = []  # (temporary file, file to replace)
    devices: list[tuple[Path, bytes]] = []
    path = Path()
    try:
        for path, data in files.items():
            if _is_device(path):
                devices.append((path, data))
                continue
            destination = Path(os.path.realpath(path))
            temporary = destination.with_name(f".{secrets.token_hex(8)}.tmp")
            staged.append((temporary, destination))
            with open(temporary, "xb") as stream:
                stream.write(data)
        for path, data in devices:
            path.write_bytes(data)
        for temporary, path in staged:
            os.replace(temporary, path)
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error
    finally:
        for temporary, _ in staged:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    """True of what exists and is neither file nor directory. Raises OSError where no file can be."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return not stat.S_ISREG(mode)


def _cannot_write(path: Path, error: OSError | ValueError) -> ReportError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ReportError(f"cannot write {str(path)!r}: {reason}; choose a directory that is writable and has room")

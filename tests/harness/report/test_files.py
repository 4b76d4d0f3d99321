# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports on disk. Failures are real ones: a full device, a size limit, an interrupt."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.report import CostRow, ReportError, atomic_write, write_report
from harness.report.coverage import CoverageReport
from harness.report.files import atomic_write_all, write_coverage
from harness.report.results import ConformanceRun

LIMITED = """
import resource, sys
from pathlib import Path
from harness.report.results import ConformanceRun
from harness.report import ReportError, write_report

run = ConformanceRun("new", "b", "f", "s", "r", (), (), 1.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_report(run, Path(sys.argv[1]))
except ReportError as error:
    sys.exit(str(error))
"""

WRITES_FOR_EVER = """
import sys
from pathlib import Path
from harness.report import atomic_write

print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        atomic_write(Path(sys.argv[1]), letter * 4_000_000)
"""


def test_writes_three_files(run: ConformanceRun, tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    cost = [CostRow("AES_ENCRYPT", "AES-256", "release", 1, 2, 3, 4)]
    paths = write_report(run, directory, cost)
    assert paths == tuple(directory / name for name in ("report.html", "report.json", "junit.xml"))
    assert sorted(directory.iterdir()) == sorted(paths)
    assert "AES_ENCRYPT" in paths[0].read_text(encoding="utf-8")
    assert json.loads(paths[1].read_bytes()) == run.as_json()
    assert ET.parse(paths[2]).getroot().tag == "testsuites"


def test_coverage_is_written_beside_the_report(run: ConformanceRun, reached: CoverageReport, tmp_path: Path) -> None:
    paths = write_report(run, tmp_path, coverage=reached)
    assert [path.name for path in paths[3:]] == ["coverage.html", "coverage.lcov", "coverage.drcov"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert 'id="coverage"' in paths[0].read_text(encoding="utf-8")
    assert paths[4].read_text().startswith("TN:\nSF:")


def test_coverage_can_be_written_alone(reached: CoverageReport, tmp_path: Path) -> None:
    paths = write_coverage(reached, tmp_path / "a" / "b")
    assert [path.name for path in paths] == ["coverage.html", "coverage.lcov", "coverage.drcov"]
    assert sorted((tmp_path / "a" / "b").iterdir()) == sorted(paths)
    with pytest.raises(ReportError, match="cannot write"):
        write_coverage(reached, paths[0])


def test_hostile_text_can_be_written(hostile_run: ConformanceRun, tmp_path: Path) -> None:
    paths = write_report(hostile_run, tmp_path)
    assert json.loads(paths[1].read_bytes()) == hostile_run.as_json()
    assert paths[0].read_text(encoding="utf-8")


def test_same_run_same_bytes(run: ConformanceRun, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_report(run, tmp_path)]
    assert [path.read_bytes() for path in write_report(run, tmp_path)] == first


def test_replaces_and_keeps_the_users_mode(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    atomic_write(path, b"old")
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    for data in (b"one", b"two"):
        atomic_write(link, data)
        assert link.is_symlink()
        assert (tmp_path / "there" / "file").read_bytes() == data
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_device_is_written_to_and_not_replaced() -> None:
    atomic_write(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


def test_standard_output_can_be_a_pipe() -> None:
    code = "from pathlib import Path; from harness.report import atomic_write; atomic_write(Path('/dev/stdout'), b'x')"
    assert subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, check=True).stdout == b"x"


def test_full_device() -> None:
    with pytest.raises(ReportError, match=r"^cannot write '/dev/full': No space left on device; choose .*$"):
        atomic_write(Path("/dev/full"), b"x")


def test_too_large_a_report_leaves_the_old_one_whole(run: ConformanceRun, tmp_path: Path) -> None:
    old = {path: path.read_bytes() for path in write_report(run, tmp_path)}
    child = subprocess.run([sys.executable, "-B", "-c", LIMITED, tmp_path], capture_output=True, text=True)
    assert child.returncode == 1
    assert child.stderr == (
        f"cannot write '{tmp_path}/report.html': File too large; choose a directory that is writable and has room\n"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == old


def test_a_failure_at_the_last_file_replaces_none(run: ConformanceRun, tmp_path: Path) -> None:
    write_report(run, tmp_path)
    before = (tmp_path / "report.html").read_bytes()
    (tmp_path / "junit.xml").unlink()
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(ReportError, match=r"junit\.xml': Is a directory"):
        write_report(dataclasses.replace(run, target="other"), tmp_path)
    assert (tmp_path / "report.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "report.html", "report.json"]


@pytest.mark.parametrize("name", ["missing/file", "file/below", "x" * 300, "nul\0byte", "loop"])
def test_impossible_paths_are_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"here")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ReportError) as caught:
        atomic_write(tmp_path / name, b"x")
    assert str(caught.value).startswith("cannot write ")
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


def test_a_file_in_the_directorys_place(run: ConformanceRun, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(ReportError, match=r"^cannot write '.*taken': File exists"):
        write_report(run, tmp_path / "taken")


class _Interrupted(Mapping[Path, bytes]):
    """Two files; Ctrl-C comes when the second is asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __getitem__(self, path: Path) -> bytes:
        if path.name == "second":
            raise KeyboardInterrupt
        return b"new"

    def __iter__(self) -> Iterator[Path]:
        return iter((self.directory / "first", self.directory / "second"))

    def __len__(self) -> int:
        return 2


def test_interrupt_between_two_files(tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        atomic_write_all(_Interrupted(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"first": b"old"}


@pytest.mark.parametrize("delay", [0.005, 0.011, 0.017])
def test_interrupt_at_any_moment(tmp_path: Path, delay: float) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"a" * 4_000_000)
    command = [sys.executable, "-B", "-c", WRITES_FOR_EVER, str(path)]
    # A background job of a shell inherits an ignored SIGINT; a user's terminal does not ignore it.
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, preexec_fn=interruptible, **pipes) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(delay)
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=30)
        finally:
            child.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() in (b"a" * 4_000_000, b"b" * 4_000_000)

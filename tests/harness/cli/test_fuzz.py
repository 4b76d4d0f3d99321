# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil fuzz`: what it prints, how it ends, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.fuzz.engine import StatsFile

PATIENCE = 120.0  # seconds; only to end a test that would never end


def folders(path: Path) -> list[str]:
    return ["--corpus", str(path / "corpus"), "--findings", str(path / "findings")]


def processes_about(path: Path) -> list[str]:
    """Command lines of living processes that name a path."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(path) in line:
                found.append(line.decode(errors="replace"))
    return found


def test_a_short_campaign(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["fuzz", "--runs", "1500", "--seed", "1", "--json", "-", *folders(tmp_path)])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert list(made) == ["executions", "executions_per_second", "edges", "corpus", "findings"]
    assert made["executions"] >= 1500
    assert made["findings"] == []


def test_what_a_user_can_get_wrong_is_one_line(tmp_path: Path, firmware: Path) -> None:
    broken = tmp_path / "broken.elf"
    broken.write_bytes(firmware.read_bytes()[:3000])
    for image in (tmp_path / "none.elf", broken):
        result = CliRunner().invoke(main, ["fuzz", "--firmware", str(image), "--runs", "10", *folders(tmp_path)])
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("hil: ")


@pytest.mark.parametrize("engine", ["libfuzzer", "afl"])
def test_ctrl_c_keeps_everything_whole(tmp_path: Path, engine: str) -> None:
    command = [str(Path(sys.executable).with_name("hil")), "fuzz", "--engine", engine, *folders(tmp_path)]
    campaign = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stats = tmp_path / "findings" / "work" / "worker-0.stats"
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and campaign.poll() is None:
        time.sleep(0.2)
        if stats.is_file() and StatsFile(stats).read().executions > 200:
            break
    campaign.send_signal(signal.SIGINT)
    out, errors = campaign.communicate(timeout=PATIENCE)
    assert campaign.returncode == 2, errors
    assert errors.splitlines() == ["hil: interrupted; the same command goes on where it was"]
    assert "executions" in out
    assert processes_about(tmp_path) == []
    corpus = list((tmp_path / "corpus").iterdir())
    assert corpus
    assert not [path for path in corpus if path.suffix == ".tmp"]
    again = CliRunner().invoke(main, ["fuzz", "--runs", "200", *folders(tmp_path)])
    assert again.exit_code == 0, again.output

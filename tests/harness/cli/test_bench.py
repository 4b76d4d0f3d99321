# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil bench planted`: it goes on from its records, and Ctrl-C leaves them whole and nothing running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from click.testing import CliRunner

from harness.bench.planted import Hunt
from harness.cli import main

FOUND = Hunt("status-0x0a", "libfuzzer", 1, 5, True, 1.5, 300, "00")
CHOSEN = ["--bug", "status-0x0a", "--engine", "libfuzzer", "--seed", "1"]
PATIENCE = 120.0  # seconds; only to end a test that would never end


def test_what_was_found_is_not_hunted_again(tmp_path: Path) -> None:
    records, document = tmp_path / "records", tmp_path / "table.md"
    records.write_text(json.dumps(asdict(FOUND)) + "\n")
    arguments = ["bench", "planted", *CHOSEN, "--records", str(records), "--document", str(document)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert records.read_text().count("\n") == 1
    assert "| status-0x0a | status | libFuzzer | 1 of 1 | 1.5 | 1.5 | 300 |" in document.read_text()


def test_an_interrupted_hunt_leaves_the_records_and_no_process(tmp_path: Path) -> None:
    records = tmp_path / "records"
    line = [sys.executable, "-c", "from harness.cli import main; main()", "bench", "planted", "--records", str(records)]
    line += ["--bug", "secret-of-0x5a", "--engine", "libfuzzer", "--seed", "1"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    child = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    end = time.monotonic() + PATIENCE
    while not list(tmp_path.glob("*/corpus")) and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=PATIENCE)
    assert (child.returncode, said.strip()) == (2, "hil: interrupted; the same command goes on where it was")
    assert not records.exists()
    assert not list(tmp_path.iterdir())

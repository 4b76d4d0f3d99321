# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil seal`: what it writes, says and refuses."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import sealed_file
from harness.cli import main

HIL = [sys.executable, "-B", "-c", "from harness.cli import main; main()"]
KEY = bytes(range(32))


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["seal", *map(str, arguments)])


def test_a_file_is_sealed(files: Any) -> None:
    result = hil(files.plain, files.out, "--keys", files.keys, "--key-id", 2)
    assert result.exit_code == 0, result.output
    size = files.plain.stat().st_size
    line = rf"{size} bytes in [\d.]+ s: [\d.]+ MiB/s, [\d.]+ guest instructions a byte, [\d.]+% of the time in .*\n"
    assert re.fullmatch(line, result.stdout)
    assert sealed_file.open_sealed(KEY[::-1], files.out.read_bytes()) == files.plain.read_bytes()


def test_an_empty_file_has_no_cost_a_byte(files: Any) -> None:
    files.plain.write_bytes(b"")
    result = hil(files.plain, files.out, "--keys", files.keys)
    assert result.exit_code == 0, result.output
    assert "a byte" not in result.stdout
    assert sealed_file.open_sealed(KEY, files.out.read_bytes()) == b""


def test_json(files: Any) -> None:
    result = hil(files.plain, files.out, "--keys", files.keys, "--json", "-")
    figures = json.loads(result.stdout)
    assert set(figures) == {
        "bytes",
        "seconds",
        "service_instructions",
        "gateway_instructions",
        "instructions_per_byte",
        "guest_share",
    }
    assert figures["bytes"] == files.plain.stat().st_size


def test_the_same_entropy_seals_in_the_same_way(files: Any) -> None:
    entropy = bytes(range(48)).hex()
    sealed = []
    for _ in range(2):
        assert hil(files.plain, files.out, "--keys", files.keys, "--entropy", entropy).exit_code == 0
        sealed.append(files.out.read_bytes())
    assert hil(files.plain, files.out, "--keys", files.keys, "--entropy", "random").exit_code == 0
    assert sealed[0] == sealed[1] != files.out.read_bytes()


@pytest.mark.parametrize("entropy", ["", "00", "zz" * 48, "00" * 49])
def test_entropy_has_48_bytes(files: Any, entropy: str) -> None:
    result = hil(files.plain, files.out, "--keys", files.keys, "--entropy", entropy)
    assert result.exit_code == 2
    assert "give 96 hexadecimal digits, or random" in result.stderr
    assert not files.out.exists()


def test_what_a_user_can_get_wrong_is_one_line(files: Any) -> None:
    before = files.listing
    for arguments, complaint in (
        ((files.folder / "missing", files.out, "--keys", files.keys), "missing: No such file or directory"),
        ((files.folder, files.out, "--keys", files.keys), "Is a directory"),
        ((files.plain, files.out, "--keys", files.folder / "none"), "none: No such file or directory"),
        ((files.plain, files.out, "--keys", files.plain), "key storage holds 45056"),
        ((files.plain, files.out, "--keys", files.keys, "--key-id", 3), "no sound AES key 3"),
        ((files.plain, files.folder / "no" / "out", "--keys", files.keys), "No such file or directory"),
        ((files.plain, files.folder, "--keys", files.keys), "is no file"),
        ((files.plain, files.plain, "--keys", files.keys), "is the input"),
        ((files.plain, files.out, "--keys", files.keys, "--firmware", "/no/service.elf"), "no such firmware image"),
    ):
        result = hil(*arguments)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("hil: ")
        assert complaint in line
    assert files.listing == before


def test_a_full_disk_leaves_nothing(files: Any) -> None:
    """A file size limit stands for the full disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))

    before = files.listing
    command = [*HIL, "seal", str(files.plain), str(files.out), "--keys", str(files.keys)]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines() == [f"hil: {files.out}: File too large"]
    assert files.listing == before


def test_an_interrupt_leaves_nothing(files: Any) -> None:
    files.plain.write_bytes(bytes(64 << 20))
    before = files.listing
    command = [*HIL, "seal", str(files.plain), str(files.out), "--keys", str(files.keys)]
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible) as process:
        try:
            while files.listing == before and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 2
    assert errors.splitlines() == ["hil: interrupted; nothing was written"]
    assert files.listing == before

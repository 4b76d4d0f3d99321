# SPDX-License-Identifier: GPL-2.0-or-later
"""The target as AFL++'s tools see it, as its protocol has it, and by hand."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.default_keys import AES_KEY_ID
from harness.fuzz import script
from harness.fuzz.afl import ENVIRONMENT
from harness.fuzz.executor import COUNTERS
from harness.fuzz.seeds import encrypt

PROGRAM = (sys.executable, "-P", "-m", "harness.fuzz.afl_target")
SOUND = script.encode(encrypt(AES_KEY_ID, b"", b"KEYS"))
CRASH = script.encode(encrypt(AES_KEY_ID, b"", b"LOCK"))
NOTHING = script.encode([script.clock(1)])


def program(image: Path) -> list[str]:
    return [*PROGRAM, "--firmware", str(image), "--oracle", "crash"]


def tool(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A tool of AFL++; it must be there."""
    assert shutil.which(str(words[0])), "run `make setup-afl` first"
    environment = os.environ | ENVIRONMENT | {"AFL_ALLOW_TMP": "1"}
    line = [str(word) for word in words]
    return subprocess.run(line, input=stdin, env=environment, capture_output=True, check=False)


def folder(path: Path, **files: bytes) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


# ---- by hand ----


def test_runs_a_file_or_standard_input(locked: Path, tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(SOUND)
    by_file = subprocess.run([*program(locked), str(tmp_path / "sound")], check=False)
    by_stdin = subprocess.run(program(locked), input=SOUND, check=False)
    assert (by_file.returncode, by_stdin.returncode) == (0, 0)


def test_a_finding_ends_it_by_a_signal(locked: Path) -> None:
    assert subprocess.run(program(locked), input=CRASH, check=False).returncode == -signal.SIGABRT


def test_the_model_is_asked_unless_told_otherwise(locked: Path) -> None:
    """What the patched image does to a plaintext that is no password is what the contract says."""
    assert subprocess.run([*PROGRAM, "--firmware", str(locked)], input=SOUND, check=False).returncode == 0


def test_an_input_without_structure(locked: Path) -> None:
    assert subprocess.run([*program(locked), "--raw"], input=bytes(8), check=False).returncode == 0


@pytest.mark.parametrize("words", [["--firmware", "nowhere.elf"], ["nothing.bin"], ["--board", "none"]])
def test_what_cannot_be_used_is_one_line_and_status_2(words: list[str]) -> None:
    done = subprocess.run([*PROGRAM, *words], input=b"", capture_output=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words[1 if len(words) > 1 else 0] in done.stderr.decode()


# ---- under the tools ----


def test_showmap_sees_the_same_edges_in_both_ways_of_running(locked: Path, tmp_path: Path) -> None:
    inputs = folder(tmp_path / "in", sound=SOUND)
    served = tool("afl-showmap", "-o", tmp_path / "maps", "-i", inputs, "--", *program(locked))
    alone = tool("afl-showmap", "-o", tmp_path / "map", "--", *program(locked), stdin=SOUND)
    assert (served.returncode, alone.returncode) == (0, 0)
    assert f"map size: {COUNTERS + 1}".encode() in served.stdout
    edges = [set((tmp_path / name).read_text().split()) for name in ("maps/sound", "map")]
    # The counter that says "instrumented" is the server's.
    assert edges[0] - edges[1] == {f"{COUNTERS:06}:1"}
    assert len(edges[1]) > 50


def test_showmap_sees_a_crash(locked: Path, tmp_path: Path) -> None:
    done = tool("afl-showmap", "-o", tmp_path / "map", "--", *program(locked), stdin=CRASH)
    assert b"killed by signal 6" in done.stdout
    assert done.returncode == 2


def test_cmin_drops_what_adds_no_edge(locked: Path, tmp_path: Path) -> None:
    other = script.encode([script.send(0x7F)])
    inputs = folder(tmp_path / "in", a=SOUND, b=SOUND, c=other, d=other)
    done = tool("afl-cmin", "-i", inputs, "-o", tmp_path / "out", "--", *program(locked))
    assert done.returncode == 0, done.stdout
    assert {path.read_bytes() for path in (tmp_path / "out").iterdir()} == {SOUND, other}
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_tmin_keeps_what_crashes(locked: Path, tmp_path: Path) -> None:
    (tmp_path / "crash").write_bytes(script.encode([script.send(0x7F)] * 4) + CRASH + NOTHING * 4)
    done = tool("afl-tmin", "-i", tmp_path / "crash", "-o", tmp_path / "min", "--", *program(locked))
    assert done.returncode == 0, done.stdout
    assert b"exits with a signal" in done.stdout
    assert b"LOCK" in (tmp_path / "min").read_bytes()
    assert len((tmp_path / "min").read_bytes()) < len((tmp_path / "crash").read_bytes())


# ---- the protocol ----

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.shmat.restype = ctypes.c_void_p
_REQUESTS, _ANSWERS = 198, 199


class Segment:
    """Shared memory of System V, as AFL++ hands it over."""

    def __init__(self, size: int) -> None:
        self.number = _LIBC.shmget(0, size, 0o600)
        assert self.number >= 0
        self.bytes = (ctypes.c_uint8 * size).from_address(_LIBC.shmat(self.number, None, 0))
        _LIBC.shmctl(self.number, 0, None)  # gone when nobody has it any more


@dataclass
class Fuzzer:
    """The parent's end."""

    process: subprocess.Popen[bytes]
    requests: int
    answers: int

    def ask(self, word: int) -> None:
        os.write(self.requests, struct.pack("<I", word))

    def words(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", os.read(self.answers, 4 * count))


@pytest.fixture
def segments() -> dict[str, Segment]:
    return {"__AFL_SHM_ID": Segment(65536), "__AFL_SHM_FUZZ_ID": Segment(1 << 20)}


@pytest.fixture
def fuzzer(locked: Path, segments: dict[str, Segment], request: pytest.FixtureRequest) -> Iterator[Fuzzer]:
    given = getattr(request, "param", tuple(segments))
    requests, answers = os.pipe(), os.pipe()
    os.dup2(requests[0], _REQUESTS)
    os.dup2(answers[1], _ANSWERS)
    process = subprocess.Popen(
        program(locked),
        env=os.environ | {name: str(segments[name].number) for name in given},
        pass_fds=(_REQUESTS, _ANSWERS),
        stderr=subprocess.PIPE,
    )
    for descriptor in (requests[0], answers[1], _REQUESTS, _ANSWERS):
        os.close(descriptor)
    made = Fuzzer(process, requests[1], answers[0])
    yield made
    process.kill()
    process.communicate()
    os.close(answers[0])


def give(segment: Segment, data: bytes) -> None:
    ctypes.memmove(segment.bytes, struct.pack("<I", len(data)) + data, 4 + len(data))


def test_serves_until_the_fuzzer_is_gone(fuzzer: Fuzzer, segments: dict[str, Segment]) -> None:
    (abilities,) = fuzzer.words(1)
    assert abilities & 0x81000001 == 0x81000001
    assert (abilities & 0xFFFFFE) // 2 + 1 == COUNTERS + 1
    fuzzer.ask(0x81000001)
    for data, status in ((SOUND, 0), (CRASH, signal.SIGABRT), (SOUND, 0), (NOTHING, 0)):
        ctypes.memset(segments["__AFL_SHM_ID"].bytes, 0, 65536)
        give(segments["__AFL_SHM_FUZZ_ID"], data)
        fuzzer.ask(0)
        assert fuzzer.words(2) == (fuzzer.process.pid, status)
        assert any(segments["__AFL_SHM_ID"].bytes)
    os.close(fuzzer.requests)
    assert fuzzer.process.wait() == 0


@pytest.mark.parametrize("fuzzer", [("__AFL_SHM_ID",)], indirect=True)
def test_a_fuzzer_that_shares_no_inputs_is_refused(fuzzer: Fuzzer) -> None:
    fuzzer.words(1)
    assert fuzzer.process.wait() == 2
    assert fuzzer.process.stderr is not None
    assert re.fullmatch(rb"[^\n]*afl\+\+\n", fuzzer.process.stderr.read())
    os.close(fuzzer.requests)

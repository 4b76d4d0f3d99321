# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions of the real gdb with `hil gdb`, run in batch mode: for the tests, and for the transcripts in the manual."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulator.errors import EmulatorError
from harness.fuzz import findings_store as store
from harness.fuzz import script as s
from harness.fuzz.patched import build_patched
from harness.fuzz.replay import shorten
from harness.protocol import codec
from harness.targets.names import DEFAULT_BOARD
from harness.targets.opening import default_firmware

GDB: Final = "gdb-multiarch"
PROJECT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = Path("docs/debugger.md")
SECONDS_MAX: Final = 300.0  # for a session, at whose end it is given up; none takes a tenth of it

_HIL: Final = (sys.executable, "-c", "from harness.cli import main; main()", "gdb")
_BLOCK: Final = re.compile(r"(<!-- session: (?P<name>[\w-]+) -->\n```text\n).*?(```\n)", re.DOTALL)
_PATCH: Final = Path("tests/planted/plaintext-of-4919-bytes.patch")


class SessionError(EmulatorError):
    """gdb or its server did not do what a session needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running `hil gdb`: what it has printed, its port, and the process."""

    banner: str
    port: int
    process: subprocess.Popen[str]


@contextmanager
def serving(arguments: Sequence[str], directory: Path = PROJECT) -> Iterator[Served]:
    """`hil gdb` with these arguments, on a free port, from when it listens to the end of the block.

    Raises SessionError with its words where it does not serve.
    """
    process = subprocess.Popen(
        [*_HIL, "--port", "0", *arguments], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"target remote localhost:(\d+)", line)
            if found is not None:
                yield Served("".join(lines), int(found[1]), process)
                return
        raise SessionError(f"hil gdb does not serve: {process.stderr.read().strip()}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS_MAX)


def talk(port: int, commands: Sequence[str], elf: Path, directory: Path = PROJECT) -> str:
    """What gdb prints while it does these commands on a server, each behind a prompt.

    Raises SessionError where gdb is missing.
    """
    if shutil.which(GDB) is None:
        raise SessionError(f"{GDB} is not installed: run `make setup-gdb`")
    quiet = ("set pagination off", "set confirm off", "set style enabled off", "set trace-commands on")
    words = [GDB, "-nx", "-q", "-batch", str(elf)]
    for command in (*quiet, f"target remote localhost:{port}", *commands):
        words += ["-ex", command]
    done = subprocess.run(
        words,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    # Reverse commands show the forward ones that they are made of, behind which gdb leaves a blank.
    said = re.sub(r"^\+\S+ \n", "", done.stdout, flags=re.MULTILINE)
    return re.sub(r"^\+", "(gdb) ", said, flags=re.MULTILINE)


# ---- the manual's sessions ----


@dataclass(frozen=True, slots=True)
class _Scene:
    arguments: tuple[str, ...]
    commands: tuple[str, ...]


_SCENES: Final = {
    "request": _Scene(
        (),
        (
            "break aes_encrypt_operate",
            "continue",
            "monitor request AES_ENCRYPT aad=0001 plaintext=text:attack",
            "continue",
            "backtrace",
            "finish",
            "monitor response",
            "continue",
            "monitor response",
            "kill",
        ),
    ),
    "back": _Scene(
        (),
        (
            "continue",
            "monitor request MLKEM_KEYGEN",
            "watch *(unsigned *)0x21810004",
            "continue",
            "print/x $pc",
            "reverse-stepi",
            "print/x $pc",
            "reverse-stepi",
            "break random_draw",
            "reverse-continue",
            "backtrace",
            "delete",
            "reverse-continue",
            "kill",
        ),
    ),
    "tasks": _Scene(
        ("--gateway",),
        (
            "add-symbol-file firmware/build/an386/release/gateway.elf",
            "break aes_encrypt_operate",
            "continue",
            "monitor request AES_ENCRYPT plaintext=text:attack",
            "continue",
            "info threads",
            "thread 2",
            "backtrace",
            "kill",
        ),
    ),
}
_FINDING_COMMANDS: Final = ("backtrace", "x/i $pc", "info registers r0 r1 r2", "reverse-stepi", "x/i $pc", "kill")


def _session(scene: _Scene, elf: Path, directory: Path) -> str:
    with serving(scene.arguments, directory) as served:
        told = talk(served.port, scene.commands, elf, directory)
    command = " ".join(("hil", "gdb", *scene.arguments))
    return f"$ {command}\n{served.banner}\n{told}".replace(str(served.port), "3333")


def _finding_session() -> str:
    """A bug is planted and found; the session then begins where it shows."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        image = build_patched(PROJECT / _PATCH, "release", directory)
        shutil.copy(image, directory / "patched.elf")
        request = codec.aes_encrypt(1, b"", bytes(0x1337))
        script = s.encode([*s.literal(request[8:]), s.send(request[2])])
        found, _ = shorten(script, "", image, DEFAULT_BOARD)
        folder = store.save(directory / "findings", found)
        scene = _Scene((str(folder.relative_to(directory)), "--firmware", "patched.elf"), _FINDING_COMMANDS)
        return _session(scene, Path("patched.elf"), directory)


def sessions() -> dict[str, str]:
    """Every session of the manual by name, run now."""
    elf = default_firmware().relative_to(PROJECT)
    told = {name: _session(scene, elf, PROJECT) for name, scene in _SCENES.items()}
    return {**told, "finding": _finding_session()}


def render(text: str, told: dict[str, str]) -> str:
    """The manual with these sessions in the place of what stands there. Raises KeyError for one that is not told."""
    return _BLOCK.sub(lambda block: f"{block[1]}{told[block['name']].rstrip()}\n{block[3]}", text)


def main() -> int:
    """Development entry point: writes the sessions into the manual."""
    argparse.ArgumentParser(prog="python -m harness.debugging.transcript", description=__doc__).parse_args()
    path = PROJECT / DOCUMENT
    path.write_text(render(path.read_text(encoding="utf-8"), sessions()), encoding="utf-8")
    print(f"wrote: {DOCUMENT}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

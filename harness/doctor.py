# SPDX-License-Identifier: GPL-2.0-or-later
"""Is everything here that the bench needs, and does the emulator's engine still behave as the emulator relies on?"""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from emulator import generate as board_files
from emulator.errors import EmulatorError
from harness.installation import BUILT, CHECKOUT, images
from harness.protocol import generate as protocol_files

DISTRIBUTION = "hil-bench"
OLDEST_PYTHON = (3, 11)
CROSS_COMPILER, CROSS_COMPILER_MAJOR = "arm-none-eabi-gcc", 12
EXACT_PACKAGE = "unicorn"

# Name, command, and what cannot be done without it.
_OPTIONAL = (
    ("AFL++", "afl-fuzz", "hil fuzz --engine afl"),
    ("QEMU", "qemu-system-arm", "--target qemu"),
    ("GDB", "gdb-multiarch", "looking into what hil gdb serves"),
)

_SET_UP = "run `make setup`" if CHECKOUT else "install the wheel again, with pip"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")
_PROGRAM_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found and, unless all is well, what to do."""

    name: str
    ok: bool
    found: str
    advice: str


def diagnose(root: Path | None = CHECKOUT) -> tuple[Check, ...]:
    """Every check, tools first; `root` is the checkout. Changes nothing and raises nothing for what it finds.

    Without a checkout, as a wheel is installed, nothing is built or generated, so that no tools are needed.
    """
    if root is None:
        return (_python(), *_requirements(), _native_core(), _carried(BUILT), *_engine_facts())
    return (
        _python(),
        _cross_compiler(),
        _program("make", ("make",), "install GNU make (Debian: apt install make)"),
        _program("host C compiler", _host_compilers(), "install a C compiler (Debian: apt install gcc libc6-dev)"),
        *(_optional(*row) for row in _OPTIONAL),
        *_packages(root),
        _native_core(),
        _generated("files generated from the boards", lambda: board_files.stale(root), root),
        _generated("files generated from the protocol", lambda: _stale_protocol_files(root), root),
        _self_test_vectors(root),
        *_engine_facts(),
    )


def _check(name: str, ok: bool, found: str, advice: str) -> Check:
    return Check(name, ok, found, "" if ok else advice)


# ---- tools ----


def _python() -> Check:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    advice = f"install Python {oldest} or newer, then run `make clean setup PYTHON=python{oldest}`"
    return _check("python", sys.version_info >= OLDEST_PYTHON, platform.python_version(), advice)


def _cross_compiler() -> Check:
    advice = (
        f"install version {CROSS_COMPILER_MAJOR} of {CROSS_COMPILER} "
        f"(Debian 12: apt install gcc-arm-none-eabi), or {_SET_UP}"
    )
    path = shutil.which(CROSS_COMPILER)
    if path is None:
        return _check(CROSS_COMPILER, False, "not on PATH", advice)
    runs, version = _first_line(path, "-dumpfullversion")
    return _check(CROSS_COMPILER, runs and version.split(".")[0] == str(CROSS_COMPILER_MAJOR), version, advice)


def _host_compilers() -> tuple[str, ...]:
    """In the order in which the build of the native core prefers them; CC may hold arguments as well."""
    chosen = os.environ.get("CC", "").split()[:1]
    return (*chosen, "gcc", "cc")


def _program(name: str, commands: Sequence[str], advice: str) -> Check:
    """Whether one of some commands is on PATH, and how it calls itself."""
    for command in commands:
        path = shutil.which(command)
        if path is not None:
            return _check(name, *_first_line(path, "--version"), advice)
    return _check(name, False, "not on PATH", advice)


def _optional(name: str, command: str, use: str) -> Check:
    """A program that only one use needs: its absence is worth a word, and no failure."""
    return _check(name, True, shutil.which(command) or f"not on PATH; needed for {use} alone", "")


def _first_line(*command: str) -> tuple[bool, str]:
    """Whether a command runs without error, and the first line that it prints, or what went wrong."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PROGRAM_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return False, f"does not run: {error}"
    return True, next(iter(result.stdout.splitlines()), "runs")


# ---- packages ----


def _packages(root: Path) -> tuple[Check, ...]:
    lock = root / "requirements.lock"
    try:
        pins = dict(_PIN.findall(lock.read_text(encoding="utf-8")))
    except OSError as error:
        advice = "run this in a full checkout that `make setup` has installed"
        return (_check("python packages", False, f"{lock}: {error.strerror}", advice),)
    versions = {name: _version(name) for name in pins}
    absent = [name for name, version in versions.items() if version is None]
    other = [f"{name} {has}, not {pins[name]}" for name, has in versions.items() if has not in (None, pins[name])]
    found = f"{len(pins) - len(absent)} of {len(pins)}"
    found += f"; missing: {', '.join(absent)}" if absent else ""
    found += f"; not the pinned version: {', '.join(other)}" if other else ""
    exact, pinned = versions.get(EXACT_PACKAGE), pins.get(EXACT_PACKAGE, "no version")
    return (
        _check(f"package {EXACT_PACKAGE} {pinned}", exact == pinned, exact or "not installed", _SET_UP),
        _check("python packages", not absent, found, _SET_UP),
    )


def _requirements(distribution: str = DISTRIBUTION) -> tuple[Check, ...]:
    """What the installed wheel asks for. Only the one that is asked for by its version has to be that one."""
    needs = [need for need in metadata.requires(distribution) or () if "extra ==" not in need]
    names = {match.group(): need for need in needs if (match := _NAME.match(need))}
    versions = {name: _version(name) for name in names}
    absent = [name for name, version in versions.items() if version is None]
    pinned = names.get(EXACT_PACKAGE, "").partition("==")[2]
    exact = versions.get(EXACT_PACKAGE)
    found = f"{len(names) - len(absent)} of {len(names)}" + (f"; missing: {', '.join(absent)}" if absent else "")
    return (
        _check(f"package {EXACT_PACKAGE} {pinned}", exact == pinned, exact or "not installed", _SET_UP),
        _check("python packages", not absent, found, _SET_UP),
    )


def _carried(built: Path) -> Check:
    """The images in the wheel."""
    found = images(built)
    return _check("firmware images", bool(found), f"{len(found)} in {built}", _SET_UP)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _native_core() -> Check:
    try:
        importlib.import_module("unicorn")  # the binding finds libunicorn once it is loaded
        importlib.import_module("emulator.native._core")
    except ImportError as error:
        return _check("native core", False, str(error), f"{_SET_UP}, which builds it")
    return _check("native core", True, "can be imported", "")


# ---- generated files ----


def _stale_protocol_files(root: Path) -> list[Path]:
    return protocol_files.stale_files(protocol_files.render_all(root))


def _self_test_vectors(root: Path) -> Check:
    name = "self-test answers of the reference implementations"
    try:
        from harness import self_test_vectors  # needs those implementations, which may be what is missing
    except ImportError as error:
        return _check(name, False, str(error), _SET_UP)
    return _generated(name, lambda: self_test_vectors.stale(root), root)


def _generated(name: str, stale: Callable[[], list[Path]], root: Path) -> Check:
    try:
        files = stale()
    except (EmulatorError, protocol_files.GenerateError, OSError) as error:
        return _check(name, False, str(error), "run this in a full checkout")
    found = ", ".join(str(path.relative_to(root)) for path in files)
    return _check(name, not files, f"stale: {found}" if files else "up to date", "run `make generate`")


# ---- the engine ----


def _engine_facts() -> tuple[Check, ...]:
    try:
        from emulator.engine_facts import check_facts  # needs the engine, which may be what is missing
    except ImportError as error:
        return (_check("engine", False, str(error), _SET_UP),)
    advice = (
        f"the emulator relies on this: {_SET_UP} for the pinned {EXACT_PACKAGE}; if that is what was tested (and the "
        "machine is idle, for a ratio), emulator/cpu.py and emulator/native have to change"
    )
    return tuple(_check(f"engine: {fact.name}", fact.holds, fact.measured, advice) for fact in check_facts())

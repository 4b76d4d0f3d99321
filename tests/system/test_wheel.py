# SPDX-License-Identifier: GPL-2.0-or-later
"""The wheel in an empty environment: no toolchain, no checkout, none of the packages for development.

The environment gets what the wheel asks for from the one that runs this test, so that no network is needed; with --full
another gets it from the package index, as a user's would.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emulator.engine_facts import check_facts
from harness.cli import COMMANDS

PROJECT = Path(__file__).parents[2]
TOOLCHAIN = "arm-none-eabi-gcc"
# What needs a file of each kind: the judged image, those of other builds, hostile ones, the gateway's.
CLAUSES = ("HDR-2", "BLD-1", "ISO-1", "CLI-1")


def requirements(distribution: str) -> list[Requirement]:
    """What it asks for here, without extras."""
    needs = map(Requirement, metadata.requires(distribution) or ())
    return [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]


def closure(distribution: str) -> set[str]:
    """Everything that it asks for, directly or not."""
    found: set[str] = set()
    todo = [distribution]
    while todo:
        names = {canonicalize_name(need.name) for need in requirements(todo.pop())} - found
        found |= names
        todo += names
    return found


class Environment:
    """A virtual environment, and an empty folder to work in."""

    def __init__(self, root: Path) -> None:
        self.folder, self.work = root / "venv", root / "work"
        self.work.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.folder], check=True)
        self.python = self.folder / "bin" / "python"
        (self.site,) = self.folder.glob("lib/python*/site-packages")
        self.path = str(self.folder / "bin")
        assert shutil.which(TOOLCHAIN, path=self.path) is None

    def run(self, *command: object) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": self.path, "HOME": str(self.work.parent), "LANG": "C.UTF-8"}
        words = [str(word) for word in command]
        return subprocess.run(words, cwd=self.work, env=environment, capture_output=True, text=True, check=False)

    def pip(self, *arguments: object) -> None:
        """The pip of the environment that runs this; it does its work in the other."""
        command = [sys.executable, "-m", "pip", "--quiet", "--python", self.python, *map(str, arguments)]
        subprocess.run(command, cwd=self.work, check=True)

    def hil(self, *arguments: object, status: int = 0) -> str:
        """Standard output; the exit status has to be this one."""
        done = self.run(self.folder / "bin" / "hil", *arguments)
        assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout if status != 2 else done.stderr

    def take_over(self, distribution: str) -> None:
        """Copy an installed distribution from the environment that runs this."""
        for file in metadata.files(distribution) or ():
            source = Path(str(file.locate()))
            if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
                continue  # commands; what Python makes by itself
            target = self.site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "-s", "-C", PROJECT, "wheel", f"DIST={folder}"], check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("empty"))
    for distribution in sorted(closure("hil-bench")):
        environment.take_over(distribution)
    environment.pip("install", "--no-index", "--no-deps", wheel)
    environment.pip("check")
    return environment


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


# ---- what is in it ----


def test_it_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    kinds = {Path(name).suffix for name in names(wheel) if not name.startswith(("harness/firmware/", "hil_bench-"))}
    assert kinds == {".py", ".pyi", ".so", ".ini", ".j2"}
    carried = {name.removeprefix("harness/firmware/") for name in names(wheel) if name.startswith("harness/firmware/")}
    built = {name for name in carried if name.startswith("build/")}
    assert {Path(name).name for name in built} == {
        "service.elf",
        "gateway.elf",
        "hostile_service.elf",
        "hostile_gateway.elf",
        "libservice.so",
        "runner",
    }
    assert {f"build/an386/{build}/service.elf" for build in ("release", "debug", "fips", "sanitize")} < built
    assert {Path(name).suffix for name in carried - built} == {"", ".c", ".h", ".S", ".ld", ".mk"}
    assert not [name for name in names(wheel) if name.startswith(("tests", "docs", "build"))]


def test_licences_go_along(wheel: Path) -> None:
    licences = {Path(name).name for name in names(wheel) if "/licenses/" in name}
    assert licences == {path.name for path in (PROJECT / "LICENSES").iterdir()}
    with zipfile.ZipFile(wheel) as archive:
        (text,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("METADATA"))
        sources = [name for name in archive.namelist() if name.endswith((".py", ".c", ".h", ".S", ".j2"))]
        unmarked = [name for name in sources if b"SPDX-License-Identifier" not in archive.read(name)[:300]]
    assert "License-Expression: GPL-2.0-or-later AND (MIT OR Apache-2.0)" in text
    assert unmarked == []


def test_nothing_in_it_names_a_folder_of_this_machine(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            for folder in (PROJECT, Path(sys.prefix), Path.home()):
                assert f"{folder}/".encode() not in archive.read(name), name


# ---- what it does ----


def test_version_tells_the_same_hashes_as_the_checkout(installed: Environment) -> None:
    here = subprocess.run([Path(sys.executable).with_name("hil"), "--version"], capture_output=True, text=True)
    lines = [line for line in installed.hil("--version").splitlines() if "native" not in line.split()[:1]]
    assert lines == [line for line in here.stdout.splitlines() if "native" not in line.split()[:1]]
    assert re.fullmatch(r"hil-bench [\d.]+ +[0-9a-f]{64}", lines[0])
    assert re.fullmatch(r"unicorn [\d.]+ +[0-9a-f]{64}", lines[1])
    assert any(re.fullmatch(r"an386/release/service\.elf +[0-9a-f]{64}", line) for line in lines)


def test_every_command_can_be_loaded_without_the_packages_for_development(installed: Environment) -> None:
    program = "from harness.cli import COMMANDS, main; print([main.get_command(None, name).name for name in COMMANDS])"
    done = installed.run(installed.python, "-c", program)
    assert done.stdout.strip() == str(list(COMMANDS)), done.stderr[-3000:]


def test_the_doctor_is_content_without_a_toolchain(installed: Environment) -> None:
    done = installed.run(installed.folder / "bin" / "hil", "doctor", "--json", "-")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert TOOLCHAIN not in checks
    timed = {f"engine: {fact.name}" for fact in check_facts() if fact.timed}  # a busy machine may hide those
    assert [name for name, check in checks.items() if not check["ok"] and name not in timed] == []
    assert str(installed.site) in checks["firmware images"]["found"]


def test_firmware_native_build_and_model_agree(installed: Environment) -> None:
    for target in ("emulated", "native"):
        assert "300 requests, 0 differences" in installed.hil("diff", "--count", 300, "--target", target)


def test_clauses_of_every_kind_are_judged(installed: Environment, tmp_path: Path) -> None:
    report = tmp_path / "report"
    chosen = [f"--clause={clause}" for clause in CLAUSES]
    text = installed.hil("conform", *chosen, "--report", report)
    assert f"emulated: {len(CLAUSES)} clauses passed, 0 failed, 0 skipped" in text
    page = (report / "report.html").read_text()
    assert "service/dispatch.c" in page  # coverage needs the sources
    assert list(installed.work.iterdir()) == []


@pytest.mark.slow
def test_every_clause_is_judged(installed: Environment) -> None:
    assert " clauses passed, 0 failed, 0 skipped" in installed.hil("conform")


def test_what_needs_a_toolchain_or_a_checkout_says_so_in_one_line(installed: Environment) -> None:
    for command, words in (
        (("bench", "planted"), "tests/planted"),
        (("fuzz", "--engine", "afl", "--time", 1), "afl++"),
    ):
        message = installed.hil(*command, status=2)
        assert words in message
        assert message.count("\n") == 1


@pytest.mark.slow
def test_an_install_from_the_package_index(wheel: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path)
    environment.pip("install", wheel)
    environment.pip("check")
    assert " 1 clauses passed" in environment.hil("conform", "--clause", "HDR-2")

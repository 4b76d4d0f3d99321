# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emulator.engine_facts import FACTS, check_facts
from harness.doctor import Check, diagnose
from harness.installation import BUILT

PROJECT = Path(__file__).parents[2]
TOOLS = ("arm-none-eabi-gcc", "make", "host C compiler")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the doctor reads of a checkout, as a copy."""
    root = tmp_path / "checkout"
    for folder in ("docs", "firmware/include", "firmware/boards", "firmware/service"):
        shutil.copytree(PROJECT / folder, root / folder)
    shutil.copy(PROJECT / "requirements.lock", root)
    return root


def by_name(root: Path | None = PROJECT) -> dict[str, Check]:
    return {check.name: check for check in diagnose(root)}


def install(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


TIMED = {f"engine: {fact.name}" for fact in check_facts() if fact.timed}


def is_timed(check: Check) -> bool:
    """About speed, which a busy machine may hide."""
    return check.name in TIMED


def test_this_machine_is_well() -> None:
    assert [check for check in diagnose() if not check.ok and not is_timed(check)] == []


def test_each_engine_fact_is_a_check() -> None:
    names = [check.name for check in diagnose() if check.name.startswith("engine: ")]
    assert len(names) == len(set(names)) == len(FACTS)


def test_advice_is_given_exactly_where_it_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    for check in diagnose(tmp_path):
        assert bool(check.advice) is not check.ok
        assert check.found
        assert "\n" not in check.name + check.found + check.advice


def test_missing_tools_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    checks = by_name()
    assert [name for name, check in checks.items() if not check.ok and not is_timed(check)] == list(TOOLS)
    assert all(checks[name].found == "not on PATH" for name in TOOLS)
    assert "apt install gcc-arm-none-eabi" in checks["arm-none-eabi-gcc"].advice
    assert "apt install make" in checks["make"].advice
    assert "apt install gcc" in checks["host C compiler"].advice


def test_a_cross_compiler_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path / "bin", "arm-none-eabi-gcc", "echo 13.2.1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    check = by_name()["arm-none-eabi-gcc"]
    assert (check.ok, check.found) == (False, "13.2.1")
    assert "version 12" in check.advice


def test_a_tool_that_does_not_run_is_not_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path / "bin", "make", "exit 3")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    check = by_name()["make"]
    assert not check.ok
    assert check.found.startswith("does not run")


def test_the_compiler_named_by_CC_is_the_one_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path / "bin", "mycc", "echo my compiler 1.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("CC", "mycc -m64")
    assert by_name()["host C compiler"].found == "my compiler 1.0"


def test_an_installed_wheel_needs_no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    checks = by_name(None)
    assert [check for check in checks.values() if not check.ok and not is_timed(check)] == []
    assert not set(TOOLS) & checks.keys()
    assert checks["firmware images"].found.endswith(f"in {BUILT}")
    assert checks["package unicorn 2.1.4"].found == "2.1.4"


def test_packages_are_compared_with_the_lock(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("unicorn==2.1.3 \\\n    --hash=x\nattrs==0.1\nnot-a-package==1.0\n")
    checks = by_name(checkout)
    engine, others = checks["package unicorn 2.1.3"], checks["python packages"]
    assert (engine.ok, engine.found) == (False, "2.1.4")
    assert not others.ok
    assert others.found.startswith("2 of 3; missing: not-a-package; not the pinned version: unicorn 2.1.4, not 2.1.3")
    assert "make setup" in engine.advice
    assert "make setup" in others.advice


def test_other_versions_of_other_packages_are_told_but_tolerated(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("unicorn==2.1.4\nattrs==0.1\n")
    check = by_name(checkout)["python packages"]
    assert check.ok
    assert "not 0.1" in check.found


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    checks = by_name(tmp_path)
    assert not checks["python packages"].ok
    assert "make setup" in checks["python packages"].advice
    assert not checks["files generated from the boards"].ok
    assert not checks["files generated from the protocol"].ok
    assert not checks["self-test answers of the reference implementations"].ok


@pytest.mark.parametrize(
    ("file", "check"),
    [
        ("firmware/boards/an386/platform.h", "files generated from the boards"),
        ("firmware/include/status.h", "files generated from the protocol"),
        ("firmware/service/self_test_vectors.h", "self-test answers of the reference implementations"),
    ],
)
def test_stale_files_are_named(checkout: Path, file: str, check: str) -> None:
    with (checkout / file).open("a") as stale:
        stale.write("/* by hand */\n")
    checks = by_name(checkout)
    assert [name for name, each in checks.items() if not each.ok] == [check]
    assert checks[check].found == f"stale: {file}"
    assert "make generate" in checks[check].advice


def test_a_program_that_one_use_needs_may_be_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    absent = by_name()["AFL++"]
    assert absent.ok
    assert "hil fuzz --engine afl" in absent.found
    install(tmp_path / "bin", "afl-fuzz", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert by_name()["AFL++"].found == str(tmp_path / "bin" / "afl-fuzz")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The conformance suite catches wrong firmware: each patch here is one defect, and the clause that it names fails.

A patch begins with `Defect:` and `Caught by:`, and then `Build:` where its image is not of the release build. The named
clause alone is run, up to its first failure.
The suite finds the gateway's image beside the service's, so that a patch of the client side is judged in the same way.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.clauses import CLAUSES
from harness.conformance.runner import ConformanceOptions, run_conformance
from harness.fuzz.patched import build_patched
from harness.targets.gateway import GATEWAY_IMAGE, gateway_beside
from harness.targets.opening import default_firmware

HERE = Path(__file__).parent
MUTANTS = sorted(HERE.glob("*.patch"))
LEAST = 220
CLIENT_SIDE = ("a/firmware/client/", "a/firmware/gateway/")

_HEADER = re.compile(
    r"Defect: (?P<defect>.+)\nCaught by: (?P<clause>\S+)\n(?:Build: (?P<build>\w+)\n)?\n(?P<diff>diff .+)", re.DOTALL
)


def read(patch: Path) -> dict[str, str]:
    """The patch's fields `defect`, `clause`, `build` and `diff`."""
    found = _HEADER.fullmatch(patch.read_text())
    assert found, f"{patch.name} does not begin with Defect: and Caught by:"
    return found.groupdict("release")


def changed(image: Path, firmware: Path) -> set[str]:
    """The images that are not those of the sound firmware."""
    names = (firmware.name, gateway_beside(firmware).name)
    return {name for name in names if image.with_name(name).read_bytes() != firmware.with_name(name).read_bytes()}


@pytest.mark.parametrize("patch", MUTANTS, ids=[patch.stem for patch in MUTANTS])
def test_the_suite_catches(patch: Path, tmp_path: Path) -> None:
    named, whole = read(patch)["clause"], default_firmware(build=read(patch)["build"])
    image = build_patched(patch, read(patch)["build"], tmp_path)
    of_client = any(folder in read(patch)["diff"] for folder in CLIENT_SIDE)
    judged = GATEWAY_IMAGE if of_client else whole.name
    assert judged in changed(image, whole), f"the patch changes nothing in {judged}"
    run = run_conformance(ConformanceOptions(firmware=image, clauses=(named,), stop_at_first=True))
    failed = [clause.id for clause in run.clauses if clause.outcome == "failed"]
    assert failed == [named], f"{read(patch)['defect']}: not caught by {named}"
    assert any(case.outcome == "failed" for case in run.cases)


def test_there_are_enough_mutants_over_all_chapters() -> None:
    assert len(MUTANTS) >= LEAST
    judged = {clause.id.split("-")[0] for clause in CLAUSES if clause.built}
    caught = {read(patch)["clause"].split("-")[0] for patch in MUTANTS}
    # What ISO demands is the kernel's work: tests/harness/conformance/test_isolation.py makes its tables wrong instead.
    assert judged - {"ISO"} <= caught


def test_every_named_clause_exists() -> None:
    assert {read(patch)["clause"] for patch in MUTANTS} <= {clause.id for clause in CLAUSES}

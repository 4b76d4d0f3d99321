# SPDX-License-Identifier: GPL-2.0-or-later
"""The regression corpus: what fuzzing has reached once is reached, and judged, each time the tests run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.fuzz.corpus import input_name, read_corpus
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.oracles import Judges
from harness.fuzz.patched import build_patched
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

TESTS = Path(__file__).resolve().parents[1]
CORPUS = TESTS / "corpus"
SIZE_MAX = 200_000  # bytes in all: it lies in the repository
# Edges between blocks of the release build that the corpus reached when it was chosen, with room for a compiler's whim.
EDGES = 2190

Failures = Callable[[Path, tuple[str, ...]], dict[str, Verdict]]


@pytest.fixture(scope="module")
def scripts() -> tuple[bytes, ...]:
    return read_corpus([CORPUS])


@pytest.fixture(scope="module")
def failures(scripts: tuple[bytes, ...]) -> Failures:
    """The inputs that an image fails on."""

    def run(firmware: Path, oracles: tuple[str, ...]) -> dict[str, Verdict]:
        watch_interval = 1 if "fetch" in oracles else 0
        with closing(Executor(EmulatedTarget(firmware), watch_interval=watch_interval)) as executor:
            Judges(executor, oracles, residue_interval=1)
            verdicts = {input_name(script): executor.run(script) for script in scripts}
        return {name: verdict for name, verdict in verdicts.items() if verdict is not Verdict.PASS}

    return run


def test_it_is_small_and_named_by_content(scripts: tuple[bytes, ...]) -> None:
    assert sum(map(len, scripts)) < SIZE_MAX
    assert sorted(path.name for path in CORPUS.iterdir()) == sorted(map(input_name, scripts))


def test_the_release_build_passes(failures: Failures) -> None:
    assert failures(default_firmware(), ("model", "fetch", "residue")) == {}


def test_the_sanitized_build_passes(failures: Failures) -> None:
    assert failures(default_firmware(build="sanitize"), ("model",)) == {}


def test_it_reaches_what_it_was_chosen_for(scripts: tuple[bytes, ...]) -> None:
    with closing(Executor(EmulatedTarget(default_firmware()))) as executor:
        for script in scripts:
            executor.run(script)
        assert executor.edges >= EDGES


@pytest.mark.parametrize(
    ("defect", "verdict"),
    [
        ("rotation-keeps-nonces", Verdict.MISMATCH),
        ("long-aad-length-read-again", Verdict.DOUBLE_FETCH),
        ("refused-nonce-has-a-payload", Verdict.MALFORMED),
    ],
)
def test_it_fails_on_defective_firmware(defect: str, verdict: Verdict, failures: Failures, tmp_path: Path) -> None:
    image = build_patched(TESTS / "planted" / f"{defect}.patch", "release", tmp_path)
    assert verdict in failures(image, ("model", "fetch")).values()

# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker has the oracles that were asked for, counts, and keeps inputs that failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from emulator.errors import ImageError
from harness.fuzz import script as s
from harness.fuzz.engine import StatsFile
from harness.fuzz.executor import Verdict
from harness.fuzz.options import Options
from harness.fuzz.oracles import DEFAULT_ORACLES, ORACLES
from harness.fuzz.worker import make_engine, make_executor, make_judges, sightings_folder, stats_path

FAULT = s.encode([*s.literal(bytes((0x41, 0, 0, 0, 0, 0)) + b"a text"), s.send(1)])
FORGED = s.encode([*s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(2)])


@pytest.fixture
def options(firmware: Path, tmp_path: Path) -> Options:
    work = tmp_path / "work"
    work.mkdir()
    return Options(firmware, tmp_path / "corpus", tmp_path / "findings", work)


def sightings(options: Options) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sightings_folder(options).iterdir()}


def test_a_sighting_is_the_input_under_its_hash(options: Options, planted: Path) -> None:
    engine = make_engine(replace(options, firmware=planted), 3)
    assert engine.execute(FAULT) is Verdict.FAULT
    assert engine.execute(FORGED) is Verdict.PASS
    assert sightings(options) == {f"{sha256(FAULT).hexdigest()[:24]}.bin": FAULT}
    stats = StatsFile(stats_path(options, 3))
    seen = stats.read()
    stats.close()
    assert (seen.executions, seen.findings) == (2, 1)


@pytest.mark.parametrize(("oracles", "verdict"), [(("crash",), Verdict.PASS), (DEFAULT_ORACLES, Verdict.MISMATCH)])
def test_a_wrong_answer_takes_the_model(
    options: Options, defective: Callable[..., Path], oracles: tuple[str, ...], verdict: Verdict
) -> None:
    image = defective("failed-tag-is-a-crypto-error")
    assert make_engine(replace(options, firmware=image, oracles=oracles), 0).execute(FORGED) is verdict
    assert len(sightings(options)) == (verdict is not Verdict.PASS)


@pytest.mark.parametrize("oracle", ORACLES)
def test_second_fetches_take_the_oracle_fetch(options: Options, defective: Callable[..., Path], oracle: str) -> None:
    chosen = replace(options, firmware=defective("payload-fetched-twice"), oracles=(oracle,))
    with closing(make_executor(chosen, fetch_interval=3)) as executor:
        make_judges(executor, chosen)
        verdicts = [executor.run(FORGED) for _ in range(6)]
    found = [Verdict.DOUBLE_FETCH, Verdict.PASS, Verdict.PASS] * 2
    assert verdicts == (found if oracle == "fetch" else [Verdict.PASS] * 6)


def test_requests_without_a_script(options: Options) -> None:
    with closing(make_executor(replace(options, raw=True))) as executor:
        assert executor.run(FORGED) is Verdict.PASS
        assert [exchange.request for exchange in executor.exchanges] == [FORGED]


def test_an_image_that_is_not_there(options: Options, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="missing"):
        make_executor(replace(options, firmware=tmp_path / "missing.elf"))

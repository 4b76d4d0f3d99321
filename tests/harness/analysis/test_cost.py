# SPDX-License-Identifier: GPL-2.0-or-later
"""What operations cost, on the real images; and the command that says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emulator.errors import EmulatorError
from harness.analysis.cost import (
    BOOT,
    BUILDS,
    STACK_SEEDS,
    cost_row,
    firmware_by_build,
    measure_boot,
    measure_cost,
    measure_footprint,
    percentile,
)
from harness.analysis.error import AnalysisError
from harness.analysis.workloads import KEY_ID, Draw, Workload, workloads
from harness.cli import main
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.key_image import KeyImage
from harness.report.cost import CostRow
from harness.targets.emulated import EmulatedTarget

Loads = tuple[Workload, ...]


@pytest.fixture(scope="module")
def rows(builds: dict[str, Path], short: Loads) -> tuple[CostRow, ...]:
    """One seed more than the stack is measured for, so that both ways of counting are in the statistics."""
    return measure_cost(builds, seeds=STACK_SEEDS + 1, loads=short)


def test_rows_come_by_workload_and_build(rows: tuple[CostRow, ...], short: Loads) -> None:
    assert [(row.operation, row.parameter_set, row.build) for row in rows] == [
        (load.command.name, load.parameter_set, build) for load in short for build in BUILDS
    ]


def test_two_measurements_are_equal(builds: dict[str, Path], short: Loads, rows: tuple[CostRow, ...]) -> None:
    assert measure_cost(builds, seeds=STACK_SEEDS + 1, loads=short) == rows


def test_aes_costs_the_same_whatever_key_and_message(rows: tuple[CostRow, ...]) -> None:
    for row in rows:
        assert row.minimum == row.median == row.maximum


def test_debug_is_slower_than_release(rows: tuple[CostRow, ...]) -> None:
    medians = {(row.operation, row.build): row.median for row in rows}
    for operation in ("AES_ENCRYPT", "AES_DECRYPT"):
        assert medians[operation, "debug"] > medians[operation, "release"]


def test_self_tests_cost_at_boot_and_nothing_for_aes(rows: tuple[CostRow, ...], builds: dict[str, Path]) -> None:
    boots = {row.build: row for row in measure_boot(builds)}
    assert list(boots) == list(BUILDS)
    for row in boots.values():
        assert (row.operation, row.parameter_set) == (BOOT, "")
        assert row.minimum == row.median == row.maximum
        assert 0 < row.stack_bytes < 16_384
    assert boots["fips"].median > 10 * boots["release"].median
    assert boots["fips"].median < 60_000_000
    assert boots["fips"].stack_bytes > boots["release"].stack_bytes
    medians = {(row.operation, row.build): row.median for row in rows}
    for operation in ("AES_ENCRYPT", "AES_DECRYPT"):
        assert medians[operation, "fips"] == medians[operation, "release"]


def test_a_boot_is_counted_from_reset(firmware: Path) -> None:
    (row,) = measure_boot({"release": firmware})
    target = EmulatedTarget(firmware)
    target.boot(bytes(range(48)), b"")
    count = target.last_instructions
    target.close()
    assert count == row.median


def test_release_keeps_to_the_bounds_of_the_table(firmware: Path) -> None:
    measured = measure_cost({"release": firmware}, seeds=1)
    assert {(row.operation, row.parameter_set) for row in measured} == {
        (load.command.name, load.parameter_set) for load in workloads()
    }
    for row in measured:
        assert row.maximum <= table.BY_NAME[row.operation].bound.limit(table.MAX_PAYLOAD)


def test_stack_holds_the_largest_frame_and_fits(rows: tuple[CostRow, ...], builds: dict[str, Path]) -> None:
    """Of the functions that an encryption enters, gcm_encrypt has the largest frame."""
    reserved = {entry.build: entry.stack for entry in measure_footprint(builds)}
    for row in rows:
        lines = builds[row.build].with_suffix(".su").read_text().splitlines()
        frames = [int(line.split("\t")[1]) for line in lines if "/gcm.c:" in line]
        assert max(frames) <= row.stack_bytes < reserved[row.build]


def test_a_count_is_that_of_the_second_request(firmware: Path, short: Loads) -> None:
    """Without a longer response before it, and with the key known; what is counted is the exchange alone."""
    (row,) = measure_cost({"release": firmware}, seeds=1, loads=short[:1])
    target, draw, count = EmulatedTarget(firmware), Draw(0), 0
    target.boot(draw.bytes("entropy", 48), KeyImage((short[0].slot(draw),)).build())
    for message in (b"", bytes(16)):
        target.exchange(codec.aes_encrypt(KEY_ID, b"", message))
        count = target.last_instructions
        target.exchange(codec.encode_request(0xEE))
    target.close()
    assert count == row.median


def test_progress_reaches_the_total(builds: dict[str, Path], short: Loads) -> None:
    told: list[tuple[int, int]] = []
    measure_cost(builds, seeds=2, loads=short[:1], progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


# ---- statistics ----


def test_statistics_are_counts_that_occurred(short: Loads) -> None:
    row = cost_row(short[0], "release", [*range(100, 0, -1)], 8)
    assert (row.minimum, row.median, row.percentile_90, row.percentile_99, row.maximum) == (1, 50, 90, 99, 100)
    few = cost_row(short[0], "release", [5, 9], 8)
    assert (few.minimum, few.median, few.maximum) == (5, 5, 9)
    assert few.percentile_90 is None


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert [percentile([10, 20, 30, 40], percent) for percent in (0, 25, 26, 90, 100)] == [10, 10, 20, 40, 40]
    assert percentile([7], 99) == 7


# ---- what cannot be measured ----


def test_an_image_of_another_build_is_refused(builds: dict[str, Path], short: Loads) -> None:
    with pytest.raises(AnalysisError, match="says that it is a debug build, not release"):
        measure_cost({"release": builds["debug"]}, seeds=1, loads=short)


def test_a_build_that_is_not_there_is_named() -> None:
    with pytest.raises(AnalysisError, match="make -C firmware BUILD=turbo"):
        firmware_by_build(["release", "turbo"])
    with pytest.raises(AnalysisError, match="no build is named"):
        firmware_by_build([])
    with pytest.raises(EmulatorError, match="board 'toaster' is unknown"):
        firmware_by_build(["release"], "toaster")


# ---- the command ----


def hil(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["analyze", "cost", *map(str, arguments)])


def test_the_command_prints_a_table_and_writes_json(builds: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    result = hil("--seeds", 1, "--operation", "AES_ENCRYPT", "--json", path)
    assert result.exit_code == 0, result.output
    assert "AES_ENCRYPT  AES-256 16 B" in result.stdout
    assert "largest functions of debug:" in result.stdout
    entries = json.loads(path.read_text())
    assert len(entries) == 3 * len(BUILDS)
    assert all(entry["operation"] == "AES_ENCRYPT" for entry in entries)
    for entry in entries:
        assert set(entry) == {"operation", "parameter_set", "build", "instructions", "stack_bytes"}
        assert set(entry["instructions"]) == {"min", "median", "max"}


def test_boot_is_a_row_of_its_own(builds: dict[str, Path]) -> None:
    result = hil("--operation", "BOOT", "--json", "-")
    assert result.exit_code == 0, result.output
    assert [(entry["operation"], entry["build"]) for entry in json.loads(result.stdout)] == [
        ("BOOT", build) for build in BUILDS
    ]


def test_a_doctored_baseline_shows_a_regression(firmware: Path, tmp_path: Path) -> None:
    arguments = ("--seeds", 1, "--build", "release", "--operation", "AES_ENCRYPT", "--json", "-")
    first = hil(*arguments)
    entries = json.loads(first.stdout)
    path = tmp_path / "cost.json"
    path.write_text(json.dumps(entries))
    same = hil(*arguments, "--baseline", path, "--threshold", 0)
    assert same.exit_code == 0, same.output
    assert same.stdout == first.stdout
    cheaper = entries[0]["instructions"]
    cheaper["min"] = cheaper["median"] = cheaper["median"] * 100 // 103
    entries[1]["parameter_set"] = "\x1b[31m[red]"
    # Of what was not measured nothing is said.
    entries += [entries[2] | {"build": "debug"}, entries[2] | {"operation": "AES_DECRYPT"}]
    path.write_text(json.dumps(entries))
    worse = hil(*arguments, "--baseline", path)
    assert worse.exit_code == 1
    assert json.loads(worse.stdout) == json.loads(first.stdout)
    lines = worse.stderr.splitlines()
    assert lines[0].startswith("AES_ENCRYPT AES-256 16 B release: median ")
    assert lines[0].endswith("3.0 % more")
    assert lines[1] == "AES_ENCRYPT AES-256 1 KiB release: not in the baseline"
    assert lines[2:] == [
        "AES_ENCRYPT \\x1b[31m[red] release: in the baseline only",
        "1 of 2 medians have grown by more than 2 %",
    ]
    assert hil(*arguments, "--baseline", path, "--threshold", 4).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--baseline", "/no/such.json"),
        ("--build", "turbo"),
        ("--build", ","),
        ("--board", "toaster"),
        ("--baseline", "/dev/null"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(firmware: Path, arguments: tuple[str, ...]) -> None:
    result = hil(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("hil: ")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshots as files: another process goes on where this one stood; damaged files are refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from emulator import snapshot
from emulator.board import AN386
from emulator.image import load_image
from emulator.machine import Machine
from emulator.snapshot import SnapshotError
from harness.conformance.dut import Dut
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

LOADER = """
import sys
from pathlib import Path
from emulator import snapshot
from emulator.board import AN386
from emulator.image import load_image
from emulator.machine import Machine
machine = Machine(AN386, load_image(Path(sys.argv[1]), AN386))
snapshot.apply(snapshot.load(Path(sys.argv[2])), machine)
window = AN386.window.base
machine.write(window + 0x1000, bytes.fromhex(sys.argv[3]))
machine.write(window, (int.from_bytes(machine.read(window, 4), "little") + 1).to_bytes(4, "little"))
print(machine.run(10_000_000), machine.read(window + 0x12000, 64).hex())
"""


def test_another_process_goes_on_where_this_one_stood(emulated: EmulatedTarget, firmware: Path, tmp_path: Path) -> None:
    dut = Dut(emulated)
    dut.aes_encrypt(1, b"before")
    path = tmp_path / "state.zip"
    snapshot.save(snapshot.capture(emulated.machine), path)
    request = bytes.fromhex("c7010100060000000100000000 00")
    expected = dut.exchange(request)
    command = [sys.executable, "-B", "-c", LOADER, str(firmware), str(path), request.hex()]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == "idle"
    assert bytes.fromhex(said[1])[8 : 8 + len(expected.payload)] == expected.payload


def test_capture_and_apply_are_inverse(machine: Machine) -> None:
    machine.run(10_000_000)
    machine.kernel_page.set_clock(123456)
    before = snapshot.capture(machine)
    machine.reset()
    snapshot.apply(before, machine)
    assert snapshot.capture(machine) == before


def test_the_shadow_of_a_sanitized_image_is_part_of_it() -> None:
    machine = Machine(AN386, load_image(default_firmware(build="sanitize"), AN386))
    try:
        machine.run(20_000_000)
        before = snapshot.capture(machine)
        assert any(region.contains(address) for address in before.pages for region in AN386.shadow)
        machine.reset()
        snapshot.apply(before, machine)
        assert snapshot.capture(machine) == before
    finally:
        machine.close()


def test_another_image_or_board_is_refused(machine: Machine) -> None:
    state = snapshot.capture(machine)
    for changed in ({"board": "other"}, {"image_sha256": "0" * 64}, {"pages": {0: bytes(4096)}}):
        values = {name: getattr(state, name) for name in ("board", "image_sha256", "clock", "registers", "pages")}
        with pytest.raises(SnapshotError):
            snapshot.apply(snapshot.Snapshot(**{**values, **changed}), machine)


def _rewrite(path: Path, changes: dict[str, object]) -> None:
    with zipfile.ZipFile(path) as archive:
        state, contents = json.loads(archive.read("state.json")), archive.read("pages")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("state.json", json.dumps({**state, **changes}))
        archive.writestr("pages", contents)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"registers": {"r0": 0}},
        {"registers": None},
        {"pages": [1]},
        {"pages": [0x2000_1000]},
        {"pages": "all"},
        {"clock": -1},
        {"clock": "now"},
    ],
)
def test_a_contradictory_file_is_refused(machine: Machine, tmp_path: Path, changes: dict[str, object]) -> None:
    machine.run(10_000_000)
    path = tmp_path / "state.zip"
    snapshot.save(snapshot.capture(machine), path)
    _rewrite(path, changes)
    with pytest.raises(SnapshotError, match=r"state\.zip: ") as caught:
        snapshot.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all"])
def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.zip"
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="cannot be read as a snapshot"):
        snapshot.load(path)
    with pytest.raises(SnapshotError, match="cannot be read as a snapshot"):
        snapshot.load(tmp_path / "missing")


def test_a_failed_save_leaves_the_old_file(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "state.zip"
    path.write_bytes(b"old")
    state = snapshot.capture(machine)
    broken = snapshot.Snapshot(state.board, state.image_sha256, state.clock, {"r0": object()}, {})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        snapshot.save(broken, path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.zip"]

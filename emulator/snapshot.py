# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's state as plain values: registers, clock and the pages that are not zero, in a file that another process,
or another version of the engine, can load.

The file is a zip archive: `state.json` (format, board, image hash, clock, registers, page addresses) and `pages` (their
contents one after the other).
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from emulator.board import PAGE_SIZE, Region
from emulator.cpu import REGISTER_NAMES
from emulator.errors import EmulatorError
from emulator.machine import Machine

FORMAT = 1
_PAGES_LIMIT = 64 * 1024 * 1024
_ZERO_PAGE = bytes(PAGE_SIZE)


class SnapshotError(EmulatorError):
    """A file that is no snapshot, or one of another board or image."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Registers by name, the clock in microseconds, and pages of 4096 bytes by address; all other memory is zero."""

    board: str
    image_sha256: str
    clock: int
    registers: dict[str, int]
    pages: dict[int, bytes] = field(repr=False)


def capture(machine: Machine) -> Snapshot:
    """The machine's state now; the machine must not be running."""
    pages = {}
    for region in _ram(machine):
        memory = machine.read(region.base, region.size)
        for offset in range(0, region.size, PAGE_SIZE):
            page = memory[offset : offset + PAGE_SIZE]
            if page != _ZERO_PAGE:
                pages[region.base + offset] = page
    clock, registers = machine.kernel_page.now, machine.cpu.registers().as_dict()
    return Snapshot(machine.board.name, machine.image.sha256, clock, registers, pages)


def _ram(machine: Machine) -> tuple[Region, ...]:
    return (*machine.board.ram, *machine.task.shadow)


def apply(snapshot: Snapshot, machine: Machine) -> None:
    """Bring a machine with the same board and image into the snapshot's state. Raises SnapshotError on another one."""
    if snapshot.board != machine.board.name:
        raise SnapshotError(f"the snapshot is of board {snapshot.board}, not {machine.board.name}: load it there")
    if snapshot.image_sha256 != machine.image.sha256:
        raise SnapshotError(f"the snapshot is of image {snapshot.image_sha256[:12]}, not of this one: load that image")
    for address in snapshot.pages:
        if not any(region.contains(address, PAGE_SIZE) for region in _ram(machine)):
            raise SnapshotError(f"the snapshot has a page at {address:#x}, where the board has no RAM: make it again")
    machine.reset()
    for address, page in snapshot.pages.items():
        machine.write(address, page)
    machine.kernel_page.set_clock(snapshot.clock)
    machine.cpu.set_registers(snapshot.registers)


def save(snapshot: Snapshot, path: Path) -> None:
    """Write the file; on an error nothing is left at `path` but what was there before."""
    state = {
        "format": FORMAT,
        "board": snapshot.board,
        "image_sha256": snapshot.image_sha256,
        "clock": snapshot.clock,
        "registers": snapshot.registers,
        "pages": sorted(snapshot.pages),
    }
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("state.json", json.dumps(state))
            archive.writestr("pages", b"".join(snapshot.pages[address] for address in sorted(snapshot.pages)))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path) -> Snapshot:
    """Read a file that `save` wrote. Raises SnapshotError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("pages").file_size > _PAGES_LIMIT:
                raise SnapshotError(f"{path}: more than {_PAGES_LIMIT} bytes of pages, no snapshot of a board")
            state = json.loads(archive.read("state.json"))
            contents = archive.read("pages")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SnapshotError(f"{path}: cannot be read as a snapshot ({error}); make it again") from error
    return _checked(path, state, contents)


def _checked(path: Path, state: object, contents: bytes) -> Snapshot:
    """Every value of the file judged before it is used."""
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise SnapshotError(f"{path}: not a snapshot of format {FORMAT}; make it again with this version")
    registers, addresses, clock = state.get("registers"), state.get("pages"), state.get("clock")
    if not isinstance(registers, dict) or set(registers) != set(REGISTER_NAMES) or not _words(registers.values()):
        raise SnapshotError(f"{path}: the registers are not {', '.join(REGISTER_NAMES)}; make it again")
    if not isinstance(addresses, list) or not _words(addresses) or any(a % PAGE_SIZE for a in addresses):
        raise SnapshotError(f"{path}: the page addresses are not multiples of {PAGE_SIZE}; make it again")
    if len(contents) != len(addresses) * PAGE_SIZE or len(set(addresses)) != len(addresses):
        raise SnapshotError(f"{path}: {len(contents)} bytes for {len(addresses)} pages; the file is damaged")
    if not isinstance(clock, int) or not 0 <= clock < 1 << 64:
        raise SnapshotError(f"{path}: the clock is no 64-bit number; make it again")
    pages = {a: contents[i * PAGE_SIZE : (i + 1) * PAGE_SIZE] for i, a in enumerate(addresses)}
    return Snapshot(str(state.get("board")), str(state.get("image_sha256")), clock, registers, pages)


def _words(values: object) -> bool:
    return all(isinstance(value, int) and 0 <= value < 1 << 32 for value in values)  # type: ignore[attr-defined]

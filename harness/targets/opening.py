# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets by the names that the command line uses."""

from __future__ import annotations

from pathlib import Path

from emulator.board_file import SUFFIX, firmware_of
from harness.installation import BUILT
from harness.targets.base import Target, TargetError
from harness.targets.device import DeviceTarget
from harness.targets.emulated import EmulatedTarget
from harness.targets.gdb_remote.opening import open_remote
from harness.targets.icicle import IcicleTarget
from harness.targets.model import ModelTarget
from harness.targets.names import DEFAULT_BOARD, REMOTE_FORM, TARGET_FORMS, TARGET_NAMES
from harness.targets.native import NativeTarget
from harness.targets.qemu import QemuTarget


def default_firmware(board: str = DEFAULT_BOARD, build: str = "release") -> Path:
    """Where `make firmware` puts the service's image; of a board file the image that it names, which is its release.

    Raises EmulatorError for a board file that names none or cannot be used.
    """
    if board.endswith(SUFFIX):
        named = firmware_of(board)
        return named if build == "release" else named.parent.parent / build / named.name
    return BUILT / board / build / "service.elf"


def default_gateway(board: str = DEFAULT_BOARD, build: str = "release") -> Path:
    """Where `make firmware` puts the gateway's image."""
    return BUILT / board / build / "gateway.elf"


def default_hostile(task: str, board: str = DEFAULT_BOARD, build: str = "release") -> Path:
    """Where `make firmware` puts the image that attacks from the place of `task`: service or gateway."""
    return BUILT / board / build / f"hostile_{task}.elf"


def default_native(variant: str = "") -> Path:
    """Where `make firmware` puts the service as a library for this machine.

    Variants, built by the tests that need them, are `sanitized`, `memory` and `coverage`.
    """
    return BUILT / "-".join(filter(None, ("native", variant))) / "libservice.so"


def open_target(name: str, firmware: Path | None = None, board: str = DEFAULT_BOARD) -> Target:
    """The target called `name`, not booted yet; `firmware` defaults to the release build for `board`.

    The native target takes a shared library in the place of an image, and no board. `gdb:HOST:PORT` is a core behind a
    stub of the GDB remote serial protocol. A device, `device:SOCKET` or by the default socket, has the image and the
    board that its server was given.

    Raises TargetError for an unknown name, a missing image or tool, or a stub that cannot be used, EmulatorError for an
    unusable image or board.
    """
    if name == "model":
        return ModelTarget()
    kind, _, place = name.partition(":")
    if kind == "device":
        return DeviceTarget(Path(place) if place else None)
    remote = name.startswith(REMOTE_FORM[:4])
    if name not in TARGET_NAMES and not remote:
        raise TargetError(f"target {name!r} is unknown, use one of: {', '.join(TARGET_FORMS)}")
    path = firmware or (default_native() if name == "native" else default_firmware(board))
    if not path.is_file():
        raise TargetError(f"{path}: no such firmware image; build it with `make firmware` or name one with --firmware")
    if remote:
        return open_remote(name, path, board)
    if name == "native":
        return NativeTarget(path)
    if name == "icicle":
        return IcicleTarget(path, board)
    return QemuTarget(path, board) if name == "qemu" else EmulatedTarget(path, board)

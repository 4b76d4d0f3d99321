# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets by the names that the command line uses."""

from __future__ import annotations

from pathlib import Path

from harness.targets.base import Target, TargetError
from harness.targets.emulated import EmulatedTarget
from harness.targets.gdb_remote.opening import open_remote
from harness.targets.model import ModelTarget
from harness.targets.names import DEFAULT_BOARD, REMOTE_FORM, TARGET_FORMS, TARGET_NAMES
from harness.targets.native import NativeTarget
from harness.targets.qemu import QemuTarget

_FIRMWARE = Path(__file__).resolve().parents[2] / "firmware" / "build"


def default_firmware(board: str = DEFAULT_BOARD, build: str = "release") -> Path:
    """Where `make firmware` puts the service's image."""
    return _FIRMWARE / board / build / "service.elf"


def default_gateway(board: str = DEFAULT_BOARD, build: str = "release") -> Path:
    """Where `make firmware` puts the gateway's image."""
    return _FIRMWARE / board / build / "gateway.elf"


def default_hostile(task: str, board: str = DEFAULT_BOARD, build: str = "release") -> Path:
    """Where `make firmware` puts the image that attacks from the place of `task`: service or gateway."""
    return _FIRMWARE / board / build / f"hostile_{task}.elf"


def default_native(variant: str = "") -> Path:
    """Where `make firmware` puts the service as a library for this machine; variants are `sanitized` and `coverage`."""
    return _FIRMWARE / "-".join(filter(None, ("native", variant))) / "libservice.so"


def open_target(name: str, firmware: Path | None = None, board: str = DEFAULT_BOARD) -> Target:
    """The target called `name`, not booted yet; `firmware` defaults to the release build for `board`.

    The native target takes a shared library in the place of an image, and no board; `gdb:HOST:PORT` is a core behind a
    stub of the GDB remote serial protocol.

    Raises TargetError for an unknown name, a missing image or tool, or a stub that cannot be used, EmulatorError for an
    unusable image or board.
    """
    if name == "model":
        return ModelTarget()
    remote = name.startswith(REMOTE_FORM[:4])
    if name not in TARGET_NAMES and not remote:
        raise TargetError(f"target {name!r} is unknown, use one of: {TARGET_FORMS}")
    path = firmware or (default_native() if name == "native" else default_firmware(board))
    if not path.is_file():
        raise TargetError(f"{path}: no such firmware image; build it with `make firmware` or name one with --firmware")
    if remote:
        return open_remote(name, path, board)
    if name == "qemu":
        return QemuTarget(path, board)
    return NativeTarget(path) if name == "native" else EmulatedTarget(path, board)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealing a file: how much of the time goes into what is measured, the guest."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from harness.bench.figure import Figure
from harness.protocol import key_image
from harness.protocol.commands import AES_KEY_SIZE, ENTROPY_SIZE
from harness.protocol.key_image import KeyImage
from harness.sealing import Firmware, seal_file

FILE_SIZE = 2 << 20
KEY_ID = 1


def sealing_share(path: Path, board_name: str) -> Figure:
    """Wall time inside guest execution by the wall time of sealing a file of 2 MiB, power-on included."""
    keys = KeyImage((key_image.aes_slot(KEY_ID, secrets.token_bytes(AES_KEY_SIZE)),)).build()
    firmware = Firmware(entropy=secrets.token_bytes(ENTROPY_SIZE), key_image=keys, image=path, board=board_name)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "plain")
        source.write_bytes(secrets.token_bytes(FILE_SIZE))
        result = seal_file(source, Path(folder, "sealed"), KEY_ID, firmware)
    return Figure(
        "sealing a file, time in the guest",
        result.effort.guest_seconds,
        "s",
        f"whole: {result.seconds:.3g} s",
        result.guest_share,
        0.85,
        "least",
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""The plain C paths, which the Cortex-M4 build does not use, answer as the model does."""

import subprocess
from pathlib import Path

from harness.conformance.dut import Dut
from harness.protocol import codec, key_image
from harness.protocol.commands import Algorithm, Status
from harness.protocol.key_image import KeyImage, KeySlot
from harness.targets.emulated import EmulatedTarget

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"

KEYS = KeyImage(
    (
        key_image.aes_slot(1, bytes(32)),
        *(KeySlot(10 + i, Algorithm.MLDSA, name, 1, bytes([i]) * 32) for i, name in enumerate((44, 65, 87))),
        *(KeySlot(20 + i, Algorithm.MLKEM, name, 1, b"") for i, name in enumerate((512, 768, 1024))),
    )
)


def test_portable_paths_agree_with_the_model(tmp_path: Path, firmware: Path) -> None:
    command = ["make", "-C", str(FIRMWARE), "PORTABLE=1", f"OUT={tmp_path}"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    image = tmp_path / "service.elf"
    assert image.read_bytes() != firmware.read_bytes()
    target = EmulatedTarget(image)
    try:
        dut = Dut(target)
        dut.keys.replace(KEYS)
        for number in range(3):
            ek = dut.exchange(codec.mlkem_keygen(20 + number)).payload
            sealed = dut.exchange(codec.mlkem_encaps(ek)).payload
            assert dut.exchange(codec.mlkem_decaps(20 + number, sealed[:-32])).payload == sealed[-32:]
            rejected = bytes([sealed[0] ^ 1]) + sealed[1:-32]
            assert dut.exchange(codec.mlkem_decaps(20 + number, rejected)).payload != sealed[-32:]
            for message in (b"", b"message", bytes(5000)):
                signature = dut.exchange(codec.mldsa_sign(10 + number, b"context", message)).payload
                verified = dut.exchange(codec.mldsa_verify(10 + number, b"context", signature, message))
                assert verified.status is Status.SUCCESS
    finally:
        target.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Each board's release image boots and answers, bit for bit as the model says; `hil matrix` judges the rest."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.board import AN386, BOARDS, VEXPRESS_A15, Board
from emulator.errors import ImageError
from emulator.image import load_image
from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID, MLKEM_KEY_IDS
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

# Tag_CPU_arch, as readelf has it.
ARCHITECTURES = {
    "cortex-m0plus": "v6S-M",
    "cortex-m3": "v7",
    "cortex-m4": "v7E-M",
    "cortex-m7": "v7E-M",
    "cortex-m33": "v8-M.mainline",
    "cortex-a15": "v7",
}


@pytest.fixture(scope="module", params=BOARDS, ids=lambda board: board.name)
def target(request: pytest.FixtureRequest) -> Iterator[EmulatedTarget]:
    board: Board = request.param
    path = default_firmware(board.name)
    assert path.is_file(), "run `make boards` first"
    made = EmulatedTarget(path, board.name)
    yield made
    made.close()


def test_it_boots_and_answers(target: EmulatedTarget) -> None:
    """AES in both directions, one key encapsulation, one refusal; each compared with the model on the way."""
    dut = Dut(target, bounded=True)
    assert target.machine.uart.text().endswith(" release\n")
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"attack at dawn", b"aad")
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, b"aad").payload == b"attack at dawn"
    made = dut.exchange(codec.mlkem_keygen(MLKEM_KEY_IDS[512]))
    sent = dut.exchange(codec.mlkem_encaps(made.payload)).payload
    opened = dut.exchange(codec.mlkem_decaps(MLKEM_KEY_IDS[512], sent[:-32]))
    assert opened.payload == sent[-32:]
    assert dut.send(0x7F).status is Status.INVALID_TYPE


def test_it_is_built_for_its_core(target: EmulatedTarget) -> None:
    command = ["arm-none-eabi-readelf", "-A", str(target.image.path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"Tag_CPU_arch: {ARCHITECTURES[target.board.cpu]}\n" in text
    profile = {"M": "Microcontroller", "A": "Application"}[target.board.processor.profile]
    assert f"Tag_CPU_arch_profile: {profile}" in text or target.board.cpu == "cortex-m0plus"
    assert ("Tag_ARM_ISA_use: Yes" in text) == (target.board.processor.state == "arm")


@pytest.mark.parametrize(("image", "other"), [(AN386, VEXPRESS_A15), (VEXPRESS_A15, AN386)])
def test_an_image_for_another_place_is_refused(image: Board, other: Board) -> None:
    with pytest.raises(ImageError, match="leaves the image regions of board"):
        load_image(default_firmware(image.name), other)


def test_an_image_of_the_other_state_is_refused(tmp_path: Path) -> None:
    """The entry's lowest bit is changed: only the state is wrong then."""
    for board, word in ((VEXPRESS_A15, "has the Thumb bit, the board executes ARM state"), (AN386, "has no Thumb bit")):
        contents = bytearray(default_firmware(board.name).read_bytes())
        contents[24] ^= 1  # e_entry
        path = tmp_path / f"{board.name}.elf"
        path.write_bytes(contents)
        with pytest.raises(ImageError, match=word):
            load_image(path, board)

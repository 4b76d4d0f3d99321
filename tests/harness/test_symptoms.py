# SPDX-License-Identifier: GPL-2.0-or-later
"""Each symptom is really caused on the emulated firmware, and then explained from the evidence that it leaves."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError
from emulator.image import load_image
from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID, ENTROPY, SECOND_AES_KEY_ID, default_keys
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot, aes_slot, encode_slots
from harness.symptoms import (
    KEY_NOT_FOUND,
    SLOW,
    Finding,
    SymptomError,
    build_kind,
    examine_firmware,
    examine_key_storage,
)
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

SOUND = default_keys().build()
Breakage = Callable[[bytes], bytes]


def put(offset: int, layout: str, *values: int) -> Breakage:
    def change(image: bytes) -> bytes:
        changed = bytearray(image)
        struct.pack_into(layout, changed, offset, *values)
        return bytes(changed)

    return change


def always(slots: tuple[KeySlot, ...]) -> Breakage:
    return lambda _: encode_slots(slots)


KEY = bytes(range(32))
# What is done to the image, whether it costs every id or key 1 alone, and what has to be found.
WHOLE: dict[str, tuple[Breakage, str]] = {
    "magic": (put(0, "<I", 0), "header: magic 00000000"),
    "version": (put(4, "<H", 2), "header: version 2, not 1"),
    "reserved": (put(9, "<B", 1), "header: reserved bytes"),
    "slot count": (put(6, "<H", 17), "header: 17 slots, 16 is the most"),
    "duplicate id": (always((aes_slot(1, KEY), aes_slot(2, KEY), aes_slot(1, KEY))), "key 1 is in slots 0, 2"),
    "AES keys": (always(tuple(aes_slot(i, KEY) for i in range(1, 6))), "too many AES keys: 5 (slots 0, 1, 2, 3, 4)"),
    "nothing but a few bytes": (lambda image: image[:9], "wrong length: 9 bytes hold no header"),
}
ALONE: dict[str, tuple[Breakage, str]] = {
    "digest": (lambda image: key_image.corrupt(image, 0), "slot 0 (key 1): digest does not match"),
    "material": (lambda image: key_image.corrupt(image, 0, "material"), "slot 0 (key 1): digest does not match"),
    "generation": (lambda image: key_image.corrupt(image, 0, "generation"), "slot 0 (key 1): digest does not match"),
    "material length": (put(16 + 12, "<I", 9999), "slot 0 (key 1): material_length 9999 is over 2592"),
    "cut off": (lambda image: image[:50], "wrong length: 50 bytes end inside slot 0 (key 1)"),
    "parameter set": (always((KeySlot(1, 1, 128, 1, KEY),)), "slot 0 (key 1): intact, but unusable"),
}


def evidence(findings: tuple[Finding, ...]) -> str:
    return "\n".join(finding.evidence for finding in findings)


def test_a_sound_image_has_no_symptom(emulated: EmulatedTarget) -> None:
    assert examine_key_storage(SOUND) == ()
    assert examine_key_storage(KeyImage((aes_slot(1, KEY),)).build().rstrip(b"\0")) == ()
    assert Dut(emulated).aes_encrypt(AES_KEY_ID).status is Status.SUCCESS


@pytest.mark.parametrize("name", [*WHOLE, *ALONE])
@pytest.mark.clause("KEY-2")
def test_status_0x04_is_explained(emulated: EmulatedTarget, name: str) -> None:
    """KEY-2: the damaged image really costs the firmware the key, once and again, and the cause is named."""
    change, expected = (WHOLE | ALONE)[name]
    image = change(SOUND)
    emulated.boot(ENTROPY, image)
    for _ in range(3):
        assert emulated.exchange(codec.aes_encrypt(AES_KEY_ID, b"", b"text")).status is Status.KEY_NOT_FOUND
    findings = examine_key_storage(image)
    assert findings
    assert {finding.symptom for finding in findings} == {KEY_NOT_FOUND}
    assert expected in evidence(findings)
    assert all(finding.advice and "\n" not in finding.evidence + finding.advice for finding in findings)
    if name in WHOLE:
        assert any(finding.evidence.endswith("every key id is KEY_NOT_FOUND") for finding in findings)
        assert emulated.exchange(codec.aes_encrypt(SECOND_AES_KEY_ID, b"", b"")).status is Status.KEY_NOT_FOUND


@pytest.mark.parametrize("name", ["digest", "material length"])
def test_a_damaged_slot_is_the_only_one_named(emulated: EmulatedTarget, name: str) -> None:
    image = ALONE[name][0](SOUND)
    (finding,) = examine_key_storage(image)
    assert "key 1 again" in finding.advice
    emulated.boot(ENTROPY, image)
    assert emulated.exchange(codec.aes_encrypt(SECOND_AES_KEY_ID, b"", b"")).status is Status.SUCCESS


def test_several_causes_are_all_named() -> None:
    image = key_image.corrupt(key_image.corrupt(put(4, "<H", 3)(SOUND), 0), 2, "material")
    found = evidence(examine_key_storage(image))
    assert found.count("\n") == 2
    assert "version 3" in found
    assert "slot 0" in found
    assert "slot 2" in found


def test_an_image_that_is_too_long_is_told() -> None:
    assert "45057 bytes, key storage holds 45056" in evidence(examine_key_storage(SOUND + b"\0"))


def test_no_bytes_are_no_evidence() -> None:
    with pytest.raises(SymptomError, match="empty"):
        examine_key_storage(b"")


@pytest.mark.parametrize("size", [0, 16, 40, table.KEY_STORAGE_SIZE])
def test_any_bytes_are_judged_without_an_error(size: int) -> None:
    for fill in (b"\0", b"\xff", b"H"):
        for image in (b"HILK\x01\0\x10\0" + bytes(8) + fill * size, fill * (size + 1)):
            examine_key_storage(image)


@pytest.mark.clause("BLD-1")
def test_slow_performance_is_explained_by_the_build(firmware: Path) -> None:
    """BLD-1: the debug build is told from the release build, with the difference in numbers."""
    debug = default_firmware(build="debug")
    if not debug.is_file():
        pytest.skip("the debug image is not built: run `make firmware`")
    assert examine_firmware(firmware) == ()
    (finding,) = examine_firmware(debug)
    assert finding.symptom == SLOW
    assert "build of kind debug" in finding.evidence
    assert float(finding.evidence.rpartition("(")[2].split()[0]) > 1.2
    assert "release build" in finding.advice


def test_the_kind_of_a_build_is_read_from_the_file(firmware: Path) -> None:
    target = EmulatedTarget(firmware)
    assert build_kind(load_image(firmware, AN386)) == target.build_kind == "release"
    target.close()
    assert build_kind(load_image(default_firmware().with_name("hostile_service.elf"), AN386)) == "unknown"


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.elf"
    path.write_bytes(b"\x7fELF")
    with pytest.raises(EmulatorError):
        examine_firmware(path)

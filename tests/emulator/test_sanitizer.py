# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sanitized image says of itself, as values; tests/sanitizer/ has the sanitizers at work."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import sanitizer
from emulator.board import AN386
from emulator.image import Image, load_image
from emulator.machine import Machine
from emulator.stop import IDLE, Fault
from emulator.symbols import Frame
from harness.targets.opening import default_firmware

HEADER = Path(__file__).parents[2] / "firmware" / "sanitizer" / "report.h"
ADDRESS = 0x2000_6013


@pytest.fixture(scope="module")
def sanitized() -> Image:
    path = default_firmware(build="sanitize")
    assert path.is_file(), "run `make firmware` first"
    return load_image(path, AN386)


def reader(image: Image, number: int, size: int, shadow: bytes) -> Callable[[int, int], bytes]:
    """Memory that holds a report and the shadow of ADDRESS, and nothing else."""
    shadow_address = ADDRESS // 8 + AN386.shadow_offset
    places = {
        image.symbols["sanitizer_report"].address: struct.pack("<III", number, ADDRESS, size),
        shadow_address: shadow,
    }
    return lambda address, length: places[address][:length]


@pytest.mark.parametrize(
    ("shadow", "kind"),
    [
        (b"\xf1\xf1", "stack-buffer-overflow"),
        (b"\x03\xf2", "stack-buffer-overflow"),
        (b"\xf3\x00", "stack-buffer-overflow"),
        (b"\x03\xf9", "global-buffer-overflow"),
        (b"\xf9\x00", "global-buffer-overflow"),
        (b"\xf8\xf3", "use-after-scope"),
        (b"\xaa\xaa", "poisoned access"),
    ],
)
def test_the_shadow_says_what_was_run_over(sanitized: Image, shadow: bytes, kind: str) -> None:
    for number, detail in ((1, "read of 1 byte"), (2, "write of 1 byte")):
        found = sanitizer.read_report(AN386, sanitized, reader(sanitized, number, 1, shadow))
        assert found == sanitizer.Report(kind, ADDRESS, detail)  # type: ignore[arg-type]
    found = sanitizer.read_report(AN386, sanitized, reader(sanitized, 1, 16, shadow))
    assert found is not None
    assert found.detail == "read of 16 bytes"


def test_every_kind_of_the_firmware_is_known(sanitized: Image) -> None:
    body = re.search(r"enum sanitizer_kind \{(.*?)\}", HEADER.read_text(), re.DOTALL)
    assert body
    kinds = re.findall(r"SANITIZER_\w+", body[1])
    found = [
        sanitizer.read_report(AN386, sanitized, reader(sanitized, number, 1, b"\xf1\xf1"))
        for number in range(len(kinds) + 2)
    ]
    assert found[0] is None
    assert found[-1] is None
    named = {report.detail for report in found[1:-1] if report is not None}
    assert len(named) == len(kinds)


def test_an_image_without_the_runtime_reports_nothing(firmware: Path) -> None:
    image = load_image(firmware, AN386)
    assert not sanitizer.is_sanitized(image)
    assert sanitizer.read_report(AN386, image, lambda address, size: b"") is None


def test_the_chain_begins_where_the_wrong_was_done() -> None:
    def frame(name: str | None) -> Frame:
        return Frame(0x100, name, 0, None, inlined=False)

    names = ["sanitizer_stop", "check", "shadow_check_write", "memcpy", "main"]
    assert [each.function for each in sanitizer.without_runtime([frame(name) for name in names])] == ["memcpy", "main"]
    own = [frame("main"), frame(None)]
    assert sanitizer.without_runtime(own) == tuple(own)


def test_shadow_is_granted_to_a_sanitized_service_alone(sanitized: Image, machine: Machine) -> None:
    assert not set(AN386.shadow) & set(machine.task.grants)
    with_shadow = Machine(AN386, sanitized)
    try:
        assert set(with_shadow.task.grants) == set(machine.task.grants) | set(AN386.shadow)
    finally:
        with_shadow.close()


def test_a_start_needs_nothing_of_the_shadow(sanitized: Image) -> None:
    """Whatever the memory holds at power-on."""
    guest = Machine(AN386, sanitized)
    try:
        guest.reset(fill=0xA5)
        assert guest.run(20_000_000) is IDLE
    finally:
        guest.close()


def test_a_breakpoint_of_another_cause_stays_one(sanitized: Image) -> None:
    guest = Machine(AN386, sanitized)
    try:
        guest.write(sanitized.symbols["main"].address, b"\x00\xbe")
        guest.cpu.forget_translations()
        stop = guest.run(20_000_000)
        assert isinstance(stop, Fault)
        assert (stop.kind, stop.address) == ("breakpoint instruction", None)
    finally:
        guest.close()

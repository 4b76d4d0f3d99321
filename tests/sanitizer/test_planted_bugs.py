# SPDX-License-Identifier: GPL-2.0-or-later
"""Each sanitizer catches a defect of one byte: each patch here is one, in a sanitized image of the whole service.

A patch says which request reaches the defect, what is reported of it, the functions at the top of the call chain, and
the variable behind whose last byte the wrong one lies. The sound image is judged by `hil conform`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.fuzz.patched import build_patched
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import ENTROPY_SIZE, Status
from harness.protocol.key_image import KeyImage, aes_slot
from harness.targets.base import TargetStopped
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

HERE = Path(__file__).parent
PATCHES = sorted(HERE.glob("*.patch"))
KEY_ID = 1
ENTROPY = bytes(range(1, ENTROPY_SIZE + 1))
KEYS = KeyImage((aes_slot(KEY_ID, bytes(range(32))),)).build()
SHADOW_OFFSET = 0x6000_0000

_LINES = ("Defect", "Request", "Report", "Detail", "Chain")
_PATCH = re.compile(
    "".join(rf"{name}: (?P<{name}>[^\n]+)\n" for name in _LINES)
    + r"(?:Behind: (?P<Behind>[^\n]+)\n)?\n(?P<diff>diff .+)",
    re.DOTALL,
)
_STOP = re.compile(r"(?P<kind>[a-z-]+(?: [a-z]+)?) at (?P<address>0x[0-9a-f]{8}), in [^\n]+\n  (?P<detail>[^\n]+)\n")
_FRAME = re.compile(r"    (?P<function>\w+)(?:\+0x[0-9a-f]+)? \((?P<file>[\w./]+):(?P<line>\d+)(?:, inlined)?\)")


@dataclass(frozen=True, slots=True)
class Reported:
    """What the text of a stop says."""

    kind: str
    address: int
    detail: str
    functions: tuple[str, ...]


def read(patch: Path) -> dict[str, str | None]:
    found = _PATCH.fullmatch(patch.read_text())
    assert found, f"{patch.name} does not begin with {', '.join(_LINES)}"
    return found.groupdict()


def ask(target: EmulatedTarget, request: str | None) -> None:
    """Boots the service and sends it what reaches the defect."""
    target.boot(ENTROPY, KEYS)
    key_id = 0x8000_0000 if request == "strange key id" else KEY_ID
    encrypt = codec.encode_command(table.AES_ENCRYPT, key_id=key_id, aad=b"aad", plaintext=bytes(16))
    if request == "strange type":
        target.exchange(codec.encode_request(0xFF))
        return
    response = target.exchange(encrypt)
    if request == "decrypt":
        assert response.status is Status.SUCCESS
        sealed = codec.decode_result(table.AES_ENCRYPT, response)
        target.exchange(codec.encode_command(table.AES_DECRYPT, key_id=KEY_ID, aad=b"aad", **sealed))


def reported(text: str) -> Reported:
    stop = _STOP.search(text)
    assert stop, text
    chain = text[text.index("  call chain:\n") : text.index("  last branches:")]
    functions = tuple(frame["function"] for frame in _FRAME.finditer(chain))
    return Reported(stop["kind"].removeprefix(" "), int(stop["address"], 0), stop["detail"], functions)


def may_be_accessed(target: EmulatedTarget, address: int) -> bool:
    (shadow,) = target.machine.read(address // 8 + SHADOW_OFFSET, 1)
    return shadow == 0 or address % 8 < shadow < 8


@pytest.mark.parametrize("patch", PATCHES, ids=[patch.stem for patch in PATCHES])
def test_a_sanitizer_reports(patch: Path, tmp_path: Path) -> None:
    expected = read(patch)
    assert expected["diff"]
    assert expected["Chain"]
    target = EmulatedTarget(build_patched(patch, "sanitize", tmp_path))
    try:
        with pytest.raises(TargetStopped) as stopped:
            ask(target, expected["Request"])
        found = reported(stopped.value.description)
        assert (found.kind, found.detail) == (expected["Report"], expected["Detail"])
        chain = tuple(expected["Chain"].split(", "))
        assert found.functions[: len(chain)] == chain
        assert found.functions[-1] == "reset"
        check_address(target, found, expected["Behind"])
    finally:
        target.close()


def check_address(target: EmulatedTarget, found: Reported, behind: str | None) -> None:
    """The first byte behind a variable's end; where no byte is wrong, a place in the function that did it."""
    symbols = target.machine.symbols
    if found.kind.endswith("overflow"):
        assert may_be_accessed(target, found.address - 1)
        assert not may_be_accessed(target, found.address)
    elif found.kind == "use-after-scope":
        assert not may_be_accessed(target, found.address)
    else:
        assert found.functions[0] in {frame.function for frame in symbols.frames_at(found.address, found.address - 1)}
    if behind is not None:
        variable = symbols.symbol(behind)
        assert found.address == variable.address + variable.size


def test_every_kind_of_check_has_its_defect() -> None:
    assert {read(patch)["Report"] for patch in PATCHES} == {
        "stack-buffer-overflow",
        "global-buffer-overflow",
        "use-after-scope",
        "undefined behaviour",
        "stack smashing",
    }


@pytest.mark.parametrize("request_", ["encrypt", "decrypt", "strange type", "strange key id"])
def test_the_sound_image_reports_nothing(request_: str) -> None:
    target = EmulatedTarget(default_firmware(build="sanitize"))
    try:
        ask(target, request_)
    finally:
        target.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Lock-step finds the instruction that was changed on one side, and nothing where nothing was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import capstone
import pytest

from emulator.board import AN386
from emulator.image import Image, load_image
from emulator.symbols import Symbols
from harness.default_keys import ENTROPY, default_keys
from harness.differential.actions import Exchange, SetClock, Start, WriteKeys
from harness.lockstep import LockStep, Scene, first_difference, lock_step, lock_step_named
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.base import LEAP, SteppableTarget, Target, TargetError
from harness.targets.emulated import EmulatedTarget
from harness.targets.icicle import IcicleTarget
from harness.targets.model import ModelTarget
from harness.targets.qemu import QemuTarget

REFUSED = codec.encode_request(0x7F)
KEYGEN = codec.mlkem_keygen(1298)
KEYS = default_keys().build()
START = Start(ENTROPY, KEYS)
WAIT = SetClock(100_000)

NOP_W = bytes.fromhex("aff30080")
UNDEFINED = bytes.fromhex("00de")

Open = Callable[[type, Path], SteppableTarget]


class StepsOnly(EmulatedTarget):
    """Without leaps, as a debugger's target is."""

    capabilities = EmulatedTarget.capabilities - {LEAP}


class IcicleStepsOnly(IcicleTarget):
    """Without leaps."""

    capabilities = IcicleTarget.capabilities - {LEAP}


class Flipped(IcicleTarget):
    """An engine that once gets a register wrong."""

    capabilities = IcicleTarget.capabilities - {LEAP}
    steps = 0
    wrong_behind = 0

    def step(self) -> None:
        self.steps += 1
        address = self.machine.row[15]
        super().step()
        if self.steps == 60:
            row = self.machine.row
            self.wrong_behind = address
            self.machine._set_row((*row[:11], row[11] ^ 0x100, *row[12:]))


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens targets, and closes them."""
    targets: list[Target] = []

    def opening(kind: type, path: Path) -> SteppableTarget:
        targets.append(kind(path))
        return targets[-1]  # type: ignore[return-value]

    yield opening
    for target in targets:
        target.close()


@pytest.fixture
def image(firmware: Path) -> Image:
    return load_image(firmware, AN386)


def instructions(image: Image, function: str) -> list[capstone.CsInsn]:
    symbol = image.symbols[function]
    segment = image.segments[0]
    code = segment.data[(symbol.address & ~1) - segment.virtual_address :][: symbol.size]
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    return list(decoder.disasm(code, symbol.address & ~1))


def patched(image: Image, folder: Path, at: capstone.CsInsn, code: bytes) -> Path:
    """A copy of the firmware in which one instruction is another."""
    assert len(code) == at.size
    contents = bytearray(image.path.read_bytes())
    section = image.section(".text")
    assert section is not None
    offset = section.offset + at.address - section.address
    assert contents[offset : offset + at.size] == at.bytes
    contents[offset : offset + at.size] = code
    path = folder / "service.elf"
    path.write_bytes(contents)
    return path


def movs(image: Image, function: str) -> list[capstone.CsInsn]:
    """The instructions that load a constant; an odd one instead is another register content at once."""
    return [each for each in instructions(image, function) if each.mnemonic == "movs" and "#" in each.op_str]


def odd(instruction: capstone.CsInsn) -> bytes:
    return bytes([instruction.bytes[0] ^ 1, instruction.bytes[1]])


def step_both(left: Target, right: Target, image: Image, request: bytes, *before: object) -> LockStep:
    return lock_step(left, right, ModelTarget(), image, Scene(START, (WAIT, *before), request))  # type: ignore[arg-type]


@pytest.mark.parametrize("kinds", [(EmulatedTarget, IcicleTarget), (IcicleTarget, EmulatedTarget)])
@pytest.mark.parametrize("request_bytes", [REFUSED, KEYGEN], ids=["refused", "keygen"])
def test_the_same_firmware_is_executed_alike(
    kinds: tuple[type, type], request_bytes: bytes, firmware: Path, image: Image, opened: Open
) -> None:
    result = step_both(*(opened(kind, firmware) for kind in kinds), image, request_bytes)
    assert (result.verdict, result.divergence) == ("no difference", None)
    assert result.instructions > 100
    assert "answer as the model demands" in result.report()


def test_without_leaps_blocks_that_skip_are_passed_alike(firmware: Path, image: Image, opened: Open) -> None:
    skipping = [each for each in instructions(image, "rate_limiter_admit") if each.mnemonic.startswith("it")]
    assert skipping, "the request has to come through an If-Then block"
    result = step_both(opened(StepsOnly, firmware), opened(IcicleStepsOnly, firmware), image, REFUSED)
    assert (result.verdict, result.divergence) == ("no difference", None)


@pytest.mark.parametrize("kinds", [(EmulatedTarget, IcicleTarget), (StepsOnly, IcicleStepsOnly)])
def test_a_changed_instruction_is_named(
    kinds: tuple[type, type], firmware: Path, image: Image, tmp_path: Path, opened: Open
) -> None:
    at = movs(image, "rate_limiter_admit")[0]
    other = patched(image, tmp_path, at, odd(at))
    result = step_both(opened(kinds[0], firmware), opened(kinds[1], other), image, REFUSED)
    found = result.divergence
    assert result.verdict == "emulator doubt"
    assert found is not None
    assert found.address == at.address
    assert found.instruction == f"{at.mnemonic} {at.op_str}"
    assert "rate_limiter_admit" in found.place
    assert "service/rate_limiter.c" in found.place
    (pair,) = [pair for pair in found.differing if pair.name != "xpsr"]
    assert pair.left ^ pair.right == 1
    assert f"{at.address:#010x}" in result.report()


def test_a_changed_instruction_is_named_by_a_step_through_a_debugger_s_stub(
    firmware: Path, image: Image, tmp_path: Path, opened: Open
) -> None:
    at = movs(image, "rate_limiter_admit")[0]
    same = step_both(opened(EmulatedTarget, firmware), opened(QemuTarget, firmware), image, REFUSED)
    assert (same.verdict, same.divergence) == ("no difference", None)
    other = opened(QemuTarget, patched(image, tmp_path, at, odd(at)))
    result = step_both(opened(EmulatedTarget, firmware), other, image, REFUSED)
    assert result.verdict == "emulator doubt"
    assert result.divergence is not None
    assert result.divergence.address == at.address


def test_it_is_found_behind_leaps(firmware: Path, image: Image, tmp_path: Path, opened: Open) -> None:
    at = movs(image, "mlkem_keygen")[-1]
    other = patched(image, tmp_path, at, odd(at))
    result = step_both(opened(IcicleTarget, firmware), opened(EmulatedTarget, other), image, KEYGEN)
    assert result.divergence is not None
    assert result.divergence.address == at.address
    assert result.instructions > 100_000


def test_a_store_that_no_register_shows_is_named_by_what_it_left(
    firmware: Path, image: Image, tmp_path: Path, opened: Open
) -> None:
    at = next(each for each in instructions(image, "mlkem_keygen_operate") if each.mnemonic == "strb.w")
    other = patched(image, tmp_path, at, NOP_W)
    result = step_both(opened(EmulatedTarget, firmware), opened(IcicleTarget, other), image, KEYGEN)
    assert result.verdict == "emulator doubt"
    assert result.divergence is not None
    assert result.divergence.address == at.address
    (pair,) = result.divergence.differing
    address = Symbols(image).data_symbol_at(int(pair.name, 16))
    assert address is not None
    assert address.symbol.name == "key_states"


def test_an_earlier_request_is_stepped_where_it_left_another_state(
    firmware: Path, image: Image, tmp_path: Path, opened: Open
) -> None:
    at = next(each for each in instructions(image, "mlkem_keygen_operate") if each.mnemonic == "strb.w")
    sides = opened(EmulatedTarget, firmware), opened(IcicleTarget, patched(image, tmp_path, at, NOP_W))
    result = step_both(*sides, image, REFUSED, Exchange(REFUSED), Exchange(KEYGEN), WriteKeys(KEYS, "again"))
    assert result.request == KEYGEN
    assert result.divergence is not None


def test_an_engine_that_gets_a_register_wrong_is_caught(firmware: Path, image: Image, opened: Open) -> None:
    flipped = Flipped(firmware)
    result = step_both(opened(EmulatedTarget, firmware), flipped, image, REFUSED)
    flipped.close()
    assert result.divergence is not None
    assert [pair.name for pair in result.divergence.differing] == ["r11"]
    assert flipped.wrong_behind == result.divergence.address


@pytest.mark.parametrize("kinds", [(EmulatedTarget, IcicleTarget), (StepsOnly, IcicleStepsOnly)])
def test_a_side_that_stops_alone_is_named(
    kinds: tuple[type, type], firmware: Path, image: Image, tmp_path: Path, opened: Open
) -> None:
    at = movs(image, "rate_limiter_admit")[0]
    other = patched(image, tmp_path, at, UNDEFINED)
    result = step_both(opened(kinds[0], firmware), opened(kinds[1], other), image, REFUSED)
    assert result.divergence is not None
    assert result.divergence.address == at.address
    assert result.divergence.stopped.startswith("icicle stopped: undefined instruction")


def test_what_both_execute_alike_and_wrongly_is_the_firmwares(image: Image, tmp_path: Path, opened: Open) -> None:
    status = next(each for each in movs(image, "dispatch") if each.op_str == f"r0, #{Status.INVALID_TYPE}")
    wrong = "expected INVALID_TYPE, got INVALID_PAYLOAD"
    for code, words in ((UNDEFINED, "stopped: undefined instruction"), (odd(status), wrong)):
        other = patched(image, tmp_path, status, code)
        result = step_both(opened(EmulatedTarget, other), opened(IcicleTarget, other), image, REFUSED)
        assert (result.verdict, result.divergence) == ("firmware bug", None)
        assert words in result.reason


def test_targets_by_name_are_joined_by_another_engine(firmware: Path) -> None:
    scene = Scene(START, (), REFUSED)
    for target, against, sides in (
        ("emulated", "model", ["emulated", "icicle"]),
        ("model", "icicle", ["icicle", "emulated"]),
        ("icicle", "emulated", ["icicle", "emulated"]),
    ):
        result = lock_step_named(target, against, firmware, "an386", scene)
        assert result.as_json()["targets"] == sides
        json.dumps(result.as_json())
    with pytest.raises(TargetError, match="neither"):
        lock_step_named("model", "model", None, "an386", scene)


def test_what_cannot_be_stepped_is_refused(firmware: Path, image: Image, opened: Open) -> None:
    with pytest.raises(TargetError, match="model cannot be stepped"):
        step_both(opened(EmulatedTarget, firmware), ModelTarget(), image, REFUSED)


def test_the_scene_is_the_first_exchange_that_differs(image: Image, tmp_path: Path, opened: Open) -> None:
    """Whatever comes behind it."""
    at = next(each for each in movs(image, "dispatch") if each.op_str == f"r0, #{Status.INVALID_TYPE}")
    broken = opened(EmulatedTarget, patched(image, tmp_path, at, odd(at)))
    sound = (WAIT, Exchange(KEYGEN))
    scene = first_difference(ModelTarget(), broken, START, (*sound, Exchange(REFUSED), Exchange(KEYGEN)))
    assert scene == Scene(START, sound, REFUSED)
    with pytest.raises(TargetError, match="differ no longer"):
        first_difference(ModelTarget(), broken, START, sound)


def test_a_difference_at_boot_is_no_requests(image: Image, tmp_path: Path, opened: Open) -> None:
    at = instructions(image, "rate_limiter_init")[0]
    dead = opened(EmulatedTarget, patched(image, tmp_path, at, UNDEFINED.ljust(at.size, b"\0")))
    with pytest.raises(TargetError, match="before any request"):
        first_difference(ModelTarget(), dead, START, (WAIT, Exchange(REFUSED)))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Lock-step finds the instruction that was changed on one side, and nothing where nothing was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import capstone
import pytest

from emulator.image import Image
from emulator.symbols import Symbols
from harness.default_keys import default_keys
from harness.differential.actions import Exchange, WriteKeys
from harness.lockstep.verdict import LockStep
from harness.protocol import codec
from harness.targets.base import LEAP, SteppableTarget
from harness.targets.emulated import EmulatedTarget
from harness.targets.icicle import IcicleTarget
from harness.targets.qemu import QemuTarget

REFUSED = codec.encode_request(0x7F)
KEYGEN = codec.mlkem_keygen(1298)

NOP_W = bytes.fromhex("aff30080")
UNDEFINED = bytes.fromhex("00de")

Open = Callable[[type, Path], SteppableTarget]
Instructions = Callable[[str], list[capstone.CsInsn]]
Patched = Callable[..., Path]
StepBoth = Callable[..., LockStep]


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


@pytest.mark.parametrize("kinds", [(EmulatedTarget, IcicleTarget), (IcicleTarget, EmulatedTarget)])
@pytest.mark.parametrize("request_bytes", [REFUSED, KEYGEN], ids=["refused", "keygen"])
def test_the_same_firmware_is_executed_alike(
    kinds: tuple[type, type], request_bytes: bytes, firmware: Path, opened: Open, step_both: StepBoth
) -> None:
    result = step_both(*(opened(kind, firmware) for kind in kinds), request_bytes)
    assert (result.verdict, result.divergence) == ("no difference", None)
    assert result.instructions > 100
    assert "answer as the model demands" in result.report()


def test_without_leaps_blocks_that_skip_are_passed_alike(
    firmware: Path, opened: Open, instructions: Instructions, step_both: StepBoth
) -> None:
    skipping = [each for each in instructions("rate_limiter_admit") if each.mnemonic.startswith("it")]
    assert skipping, "the request has to come through an If-Then block"
    result = step_both(opened(StepsOnly, firmware), opened(IcicleStepsOnly, firmware), REFUSED)
    assert (result.verdict, result.divergence) == ("no difference", None)


@pytest.mark.parametrize("kinds", [(EmulatedTarget, IcicleTarget), (StepsOnly, IcicleStepsOnly)])
def test_a_changed_instruction_is_named(
    kinds: tuple[type, type], firmware: Path, opened: Open, movs: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    at = movs("rate_limiter_admit")[0]
    other = patched(at)
    result = step_both(opened(kinds[0], firmware), opened(kinds[1], other), REFUSED)
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
    firmware: Path, opened: Open, movs: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    at = movs("rate_limiter_admit")[0]
    same = step_both(opened(EmulatedTarget, firmware), opened(QemuTarget, firmware), REFUSED)
    assert (same.verdict, same.divergence) == ("no difference", None)
    other = opened(QemuTarget, patched(at))
    result = step_both(opened(EmulatedTarget, firmware), other, REFUSED)
    assert result.verdict == "emulator doubt"
    assert result.divergence is not None
    assert result.divergence.address == at.address


def test_it_is_found_behind_leaps(
    firmware: Path, opened: Open, movs: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    at = movs("mlkem_keygen")[-1]
    other = patched(at)
    result = step_both(opened(IcicleTarget, firmware), opened(EmulatedTarget, other), KEYGEN)
    assert result.divergence is not None
    assert result.divergence.address == at.address
    assert result.instructions > 100_000


def test_a_store_that_no_register_shows_is_named_by_what_it_left(
    firmware: Path, image: Image, opened: Open, instructions: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    at = next(each for each in instructions("mlkem_keygen_operate") if each.mnemonic == "strb.w")
    other = patched(at, NOP_W)
    result = step_both(opened(EmulatedTarget, firmware), opened(IcicleTarget, other), KEYGEN)
    assert result.verdict == "emulator doubt"
    assert result.divergence is not None
    assert result.divergence.address == at.address
    (pair,) = result.divergence.differing
    address = Symbols(image).data_symbol_at(int(pair.name, 16))
    assert address is not None
    assert address.symbol.name == "key_states"


def test_an_earlier_request_is_stepped_where_it_left_another_state(
    firmware: Path, opened: Open, instructions: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    at = next(each for each in instructions("mlkem_keygen_operate") if each.mnemonic == "strb.w")
    sides = opened(EmulatedTarget, firmware), opened(IcicleTarget, patched(at, NOP_W))
    result = step_both(*sides, REFUSED, Exchange(REFUSED), Exchange(KEYGEN), WriteKeys(default_keys().build(), "again"))
    assert result.request == KEYGEN
    assert result.divergence is not None


def test_an_engine_that_gets_a_register_wrong_is_caught(firmware: Path, opened: Open, step_both: StepBoth) -> None:
    flipped = Flipped(firmware)
    result = step_both(opened(EmulatedTarget, firmware), flipped, REFUSED)
    flipped.close()
    assert result.divergence is not None
    assert [pair.name for pair in result.divergence.differing] == ["r11"]
    assert flipped.wrong_behind == result.divergence.address


@pytest.mark.parametrize("kinds", [(EmulatedTarget, IcicleTarget), (StepsOnly, IcicleStepsOnly)])
def test_a_side_that_stops_alone_is_named(
    kinds: tuple[type, type], firmware: Path, opened: Open, movs: Instructions, patched: Patched, step_both: StepBoth
) -> None:
    at = movs("rate_limiter_admit")[0]
    other = patched(at, UNDEFINED)
    result = step_both(opened(kinds[0], firmware), opened(kinds[1], other), REFUSED)
    assert result.divergence is not None
    assert result.divergence.address == at.address
    assert result.divergence.stopped.startswith("icicle stopped: undefined instruction")

# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import subprocess

import pytest

from emulator.cpu import MODELS
from emulator.errors import EmulatorError
from emulator.processor import PROCESSORS, Processor, processor

EACH = pytest.mark.parametrize("core", PROCESSORS.values(), ids=lambda core: core.name)


def test_an_unknown_core_is_one_line_that_names_the_known_ones() -> None:
    with pytest.raises(EmulatorError, match=r"^cpu 'cortex-m85' is unknown, use one of: cortex-a15, .*, cortex-m7$"):
        processor("cortex-m85")
    assert processor("cortex-m33") is PROCESSORS["cortex-m33"]


def test_the_engine_has_a_model_for_each() -> None:
    assert set(MODELS) == set(PROCESSORS)


@EACH
def test_the_compiler_knows_it_and_makes_code_of_its_state(core: Processor) -> None:
    """What GCC predefines for the flags is what the row says."""
    command = ["arm-none-eabi-gcc", *core.compiler_flags, "-dM", "-E", "-xc", "-"]
    macros = subprocess.run(command, input="", capture_output=True, text=True, check=True).stdout
    defined = dict(line.split(" ", 2)[1:] for line in macros.splitlines())
    assert defined["__ARM_ARCH_PROFILE"] == str(ord(core.profile))
    assert ("__thumb__" in defined) == (core.state == "thumb")
    # Of A profile hardware could do it, but not with its memory management unit off.
    assert ("__ARM_FEATURE_UNALIGNED" in defined) == (core.profile == "M" and not core.traps_unaligned)


@EACH
def test_m_profile_executes_thumb_state_and_a_profile_arm_state(core: Processor) -> None:
    assert core.state == {"M": "thumb", "A": "arm"}[core.profile]

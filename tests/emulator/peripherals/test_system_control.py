# SPDX-License-Identifier: GPL-2.0-or-later
"""The system control space keeps what start-up code writes."""

from emulator.peripherals.system_control import CPUID, SYST_CSR, SYST_CVR, SYST_RVR, SystemControl
from emulator.processor import PROCESSORS


def test_registers_hold_what_was_written_until_reset() -> None:
    control = SystemControl(PROCESSORS["cortex-m4"])
    control.write(SYST_RVR, 4, 24_999)
    control.write(SYST_CSR, 4, 7)
    assert (control.read(SYST_RVR, 4), control.read(SYST_CSR, 4)) == (24_999, 7)
    control.reset()
    assert control.read(SYST_RVR, 4) == 0


def test_bytes_and_halfwords_reach_their_part_of_a_word() -> None:
    control = SystemControl(PROCESSORS["cortex-m4"])
    control.write(SYST_RVR + 2, 2, 0x1234)
    control.write(SYST_RVR, 1, 0xAB)
    assert control.read(SYST_RVR, 4) == 0x123400AB
    assert control.read(SYST_RVR + 3, 1) == 0x12


def test_any_write_clears_the_current_value_and_cpuid_is_constant() -> None:
    control = SystemControl(PROCESSORS["cortex-m4"])
    control.write(SYST_CVR, 4, 99)
    control.write(CPUID, 4, 0)
    assert (control.read(SYST_CVR, 4), control.read(CPUID, 4)) == (0, 0x410F_C241)


def test_an_interrupt_controller_holds_every_word() -> None:
    controller = SystemControl(PROCESSORS["cortex-a15"])
    assert controller.read(CPUID, 4) == 0
    for offset in (CPUID, SYST_CVR):
        controller.write(offset, 4, 0x1234_5678)
        assert controller.read(offset, 4) == 0x1234_5678
    controller.reset()
    assert controller.read(CPUID, 4) == 0


def test_all_state_can_be_taken_and_put_back() -> None:
    control = SystemControl(PROCESSORS["cortex-m4"])
    control.write(SYST_RVR, 4, 5)
    taken = control.registers
    control.write(SYST_RVR, 4, 6)
    control.registers = taken
    assert control.read(SYST_RVR, 4) == 5

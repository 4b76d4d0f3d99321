# SPDX-License-Identifier: GPL-2.0-or-later
"""The UART captures what is transmitted and never blocks."""

from emulator.peripherals.uart import CAPTURE_LIMIT, DATA, STATE, Uart


def test_data_is_captured_and_the_transmitter_is_never_full() -> None:
    uart = Uart()
    for byte in b"hi\xff":
        uart.write(DATA, 4, byte)
    uart.write(0x008, 4, 1)
    assert uart.text() == "hi\\xff"
    assert uart.read(STATE, 4) == 0


def test_a_chattering_guest_fills_no_memory() -> None:
    uart = Uart()
    for _ in range(CAPTURE_LIMIT + 5):
        uart.write(DATA, 1, 0x41)
    assert (len(uart.captured), uart.dropped) == (CAPTURE_LIMIT, 5)
    uart.reset()
    assert (uart.text(), uart.dropped) == ("", 0)

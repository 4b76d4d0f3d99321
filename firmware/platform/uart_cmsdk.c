/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The CMSDK APB UART (Arm Cortex-M System Design Kit, section 4.3). */
#include "platform/uart.h"

#include "platform.h"

#include <stdint.h>

struct uart_registers {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt;
    volatile uint32_t baud_divider;
};

#define STATE_TRANSMIT_FULL 1u
#define CONTROL_TRANSMIT_ENABLE 1u
#define BAUD_RATE 115200u

/* One frame is ten bits; a poll takes at least one cycle, so that this waits for longer than a frame. */
#define POLLS_PER_BYTE (16u * (PLATFORM_CPU_HZ / BAUD_RATE))

static struct uart_registers *const uart = (struct uart_registers *)(uintptr_t)PLATFORM_UART0;

void uart_init(void)
{
    uart->baud_divider = PLATFORM_CPU_HZ / BAUD_RATE;
    uart->control = CONTROL_TRANSMIT_ENABLE;
}

void uart_write(const char *text)
{
    for (; *text != '\0'; text++) {
        for (uint32_t polls = 0; polls < POLLS_PER_BYTE && (uart->state & STATE_TRANSMIT_FULL) != 0; polls++)
            continue;
        uart->data = (uint8_t)*text;
    }
}

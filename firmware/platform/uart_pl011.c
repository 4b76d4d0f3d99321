/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The PrimeCell UART (PL011 technical reference manual, section 3.3). Its line is as whatever started the board set it.
 */
#include "platform/uart.h"

#include "platform.h"

#include <stdint.h>

struct uart_registers {
    volatile uint32_t data;
    volatile uint32_t unused[5];
    volatile uint32_t flags;
    volatile uint32_t unused_too[5];
    volatile uint32_t control;
};

#define FLAG_TRANSMIT_FULL (1u << 5)
#define CONTROL_ENABLE (1u << 0)
#define CONTROL_TRANSMIT_ENABLE (1u << 8)
#define SLOWEST_BAUD_RATE 9600u

/* One frame is ten bits; a poll takes at least one cycle, so that this waits for longer than a frame. */
#define POLLS_PER_BYTE (16u * (PLATFORM_CPU_HZ / SLOWEST_BAUD_RATE))

static struct uart_registers *const uart = (struct uart_registers *)(uintptr_t)PLATFORM_UART0;

void uart_init(void)
{
    uart->control = CONTROL_ENABLE | CONTROL_TRANSMIT_ENABLE;
}

void uart_write(const char *text)
{
    for (; *text != '\0'; text++) {
        for (uint32_t polls = 0; polls < POLLS_PER_BYTE && (uart->flags & FLAG_TRANSMIT_FULL) != 0; polls++)
            continue;
        uart->data = (uint8_t)*text;
    }
}

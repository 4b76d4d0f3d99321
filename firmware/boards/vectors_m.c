/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Vector table of M profile (ARMv7-M architecture, B1.5): the core takes stack and first instruction from it. */
#include <stdint.h>

extern uint8_t __stack_top[];

void reset(void);

/* A fault stops the service in a loop of its own, so that a debugger sees from the program counter which one it was. */
#define FAULT_HANDLER(name)                                                                                            \
    __attribute__((naked, no_icf)) void name(void);                                                                    \
    void name(void)                                                                                                    \
    {                                                                                                                  \
        __asm__ volatile("b .");                                                                                       \
    }

FAULT_HANDLER(fault_nmi)
FAULT_HANDLER(fault_hard)
FAULT_HANDLER(fault_memory_management)
FAULT_HANDLER(fault_bus)
FAULT_HANDLER(fault_usage)
FAULT_HANDLER(fault_svcall)
FAULT_HANDLER(fault_debug_monitor)
FAULT_HANDLER(fault_pendsv)

/* The tick has done its work by being taken: it ended a WFI. */
void systick_handler(void);
void systick_handler(void)
{
}

union vector {
    void (*handler)(void);
    const void *stack;
};

__attribute__((section(".vectors"), used)) static const union vector vectors[16] = {
    [0] = {.stack = __stack_top},
    [1] = {.handler = reset},
    [2] = {.handler = fault_nmi},
    [3] = {.handler = fault_hard},
    [4] = {.handler = fault_memory_management},
    [5] = {.handler = fault_bus},
    [6] = {.handler = fault_usage},
    [11] = {.handler = fault_svcall},
    [12] = {.handler = fault_debug_monitor},
    [14] = {.handler = fault_pendsv},
    [15] = {.handler = systick_handler},
};
